"""A generation: one request for pictures, the root span of its attempts."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Tracer

from image_tracing import attributes as names
from image_tracing.attributes import ErrorClass
from image_tracing.content import Cleaner, clean_text, clean_tree
from image_tracing.error_classes import error_class_of
from image_tracing.faults import tell_once
from image_tracing.metrics import Stopwatch, stopwatch
from image_tracing.spans import (
    clean_message,
    end,
    error_text,
    error_type_of,
    has_kept,
    set_attributes,
    set_error,
    traceback_of,
)
from image_tracing.storable import Json, cut, shortened
from image_tracing.switches import Switches
from image_tracing.tally import Failure, Tally
from image_tracing.tracer import context_with

LESSON_ID_LIMIT_BYTES: Final = 500
# Attributes of the user's own are labels, not contents.
_VALUE_LIMIT_BYTES: Final = 4_096
_OWN_ATTRIBUTES_LIMIT: Final = 32
_URLS_LIMIT: Final = 500
_MESSAGES_LIMIT: Final = 65_536
_NO_CONTEXT: Final = Context()
# What a row cannot do without, the most needed last.
_VITAL: Final = (
    names.ERROR_CATEGORY,
    names.MODEL_USED,
    names.MODELS_TRIED,
    names.LESSON_ID,
    names.GENERATION_ID,
    names.ROLE,
)


class Generation:
    """The generation going on; what `with generation(...) as g` and `current_generation()` give.

    Without a provider, out of a generation, or when not sampled, all its methods do nothing.
    """

    def __init__(self, span: Span, *, switches: Switches, lesson_id: str | None) -> None:
        self._span = span
        self.switches = switches
        self.lesson_id = lesson_id
        self.tally = Tally()
        self.is_recording = span.is_recording()
        self.context = _NO_CONTEXT
        self._request: object = None
        self._response: Json = None
        self._uploads: list[str] = []
        self._upload_failures = 0
        self._message: str | None = None
        self._error_class: ErrorClass | None = None
        self._model_used: str | None = None
        self._is_ended = False
        self._id: str | None = None
        self.attributes: dict[str, Any] = {}
        # Those the span was created with; they are written again only where a sampler dropped them.
        self.first_attributes: Mapping[str, Any] = {}
        self.cleaner = Cleaner()
        self.has_traceback = False
        self.is_block = False
        self.name = ""
        self._messages: dict[str, list[str]] = {}
        # Metrics do not depend on sampling.
        self.stopwatch: Stopwatch | None = None
        # Whether its attempts are measured too: to ask for the meter provider is not cheap.
        self.is_measured = False

    @property
    def is_looked_at(self) -> bool:
        """Whether anything comes of what it is told."""
        return self.is_recording or self.stopwatch is not None

    @property
    def generation_id(self) -> str:
        """The id of its span in hex, 16 digits; attempts carry it."""
        if self._id is None:
            self._id = f"{self._span.get_span_context().span_id:016x}"
        return self._id

    @property
    def trace_id(self) -> str:
        """The id of its trace in hex, 32 digits."""
        return f"{self._span.get_span_context().trace_id:032x}"

    def set_response(self, response: object) -> None:
        """Record `response` (any JSON-like value) as the generation's `response_data`; the last one stays."""
        if self.is_recording:
            try:
                self._response = clean_tree(response)
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("record a response")

    def record_upload(self, *, url: str | None = None, error: object = None) -> None:
        """Count a picture stored at `url`, or one that could not be stored because of `error`."""
        if not self.is_recording:
            return
        try:
            if error is not None:
                self._upload_failures += 1
            else:
                self._uploads.append(clean_text(str(url)) if url is not None else "")
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("record an upload")

    def fail(self, message: str, *, error_class: ErrorClass | None = None) -> None:
        """Say that it failed, whatever its attempts gave; the words tell the class if it is absent."""
        if self.is_looked_at:
            try:
                self._message = str(message) or "failed"
                self._error_class = error_class
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("record a failure")

    # What follows is called by the decorators, the context manager and ImageTracer.

    def set_model_used(self, model: str | None) -> None:
        self._model_used = model

    def add_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes of the user's; ours of the same name win."""
        for name, value in islice(attributes.items(), _OWN_ATTRIBUTES_LIMIT):
            own = _attribute_value(value)
            if own is not None and str(name) not in self.first_attributes:
                self.attributes[str(name)] = own

    def set_requested(self, count: int | None) -> None:
        if count is not None:
            self.attributes[names.IMAGES_REQUESTED] = count

    def take_messages(self, attributes: Mapping[str, Any], *, has_succeeded: bool) -> None:
        """Take what an attempt was asked, and gave, as that of the whole: other back ends list roots only."""
        for name in (names.INPUT_MESSAGES, names.OUTPUT_MESSAGES):
            known = self._messages.setdefault(name, [])
            # The attributes are JSON arrays.
            messages = str(attributes.get(name, ""))[1:-1]
            is_wanted = messages not in known if name == names.INPUT_MESSAGES else has_succeeded
            if messages and is_wanted and sum(map(len, known)) + len(messages) < _MESSAGES_LIMIT:
                known.append(messages)

    def saw(self, _: object) -> None:
        """An item of a generator: nothing to note, its attempts tell."""

    def ended(self, result: object) -> None:
        """End the span after a return with `result`."""
        self._end(None, result)

    def failed(self, error: BaseException, end_time: int | None = None) -> None:
        """End the span after an exception."""
        self._end(error, None, end_time)

    def closed(self, end_time: int | None = None) -> None:
        """End the span of a generator that its consumer left before the end: no failure of the generation."""
        self._end(None, None, end_time)

    @property
    def is_ended(self) -> bool:
        return self._is_ended

    def _end(self, error: BaseException | None, result: object, end_time: int | None = None) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        try:
            failure = self._failure(error) if self.is_looked_at else None
            if self.is_recording:
                self._write(error, failure, result)
            if self.stopwatch is not None:
                error_type = None if failure is None else failure.error_type
                self.stopwatch.record_generation(self.name, error_type, self.context, end_time)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("record a generation")
        finally:
            # The context holds this object: left in place, only the garbage collector would free both.
            self.context = _NO_CONTEXT
            end(self._span, end_time)

    def _write(self, error: BaseException | None, failure: Failure | None, result: object) -> None:
        tally = self.tally
        attributes = self.attributes
        self._write_response(attributes, result)
        for name, messages in self._messages.items():
            if messages:
                attributes[name] = f"[{','.join(messages)}]"
        if failure is not None:
            set_error(self._span, failure.message)
            attributes[names.ERROR_MESSAGE] = failure.message
            attributes[names.ERROR_TYPE] = failure.error_type
            if (
                error is not None
                and (self.has_traceback or self.switches.traceback)
                and self.switches.content
            ):
                attributes[names.EXCEPTION_STACKTRACE] = traceback_of(error)
        if failure is not None:
            attributes[names.ERROR_CATEGORY] = failure.error_class
        model_used = self._model_used or tally.model_used
        if model_used is not None:
            attributes[names.MODEL_USED] = model_used
        attributes[names.MODELS_TRIED] = tuple(tally.models_tried)
        attributes[names.GENERATION_ID] = self.generation_id
        set_attributes(self._span, attributes, first=self.first_attributes, vital=_VITAL)

    def _write_response(self, attributes: dict[str, Any], result: object) -> None:
        tally = self.tally
        uploads = self._uploads
        if tally.attempts:
            attributes[names.IMAGES_GENERATED] = tally.generated
            if tally.filtered:
                attributes[names.IMAGES_FILTERED] = tally.filtered
        if uploads or self._upload_failures:
            attributes[names.IMAGES_UPLOADED] = len(uploads)
        if not self.switches.content:
            return
        response = self._response
        if response is None:
            urls = [url for url in uploads if url] or _urls_in(result)
            if not uploads and not urls and not self._upload_failures:
                if tally.attempts:
                    attributes[names.RESPONSE] = f'{{"generatedImagesCount":{tally.generated}}}'
                return
            response = self._own_response(urls)
        text, is_cut = shortened(response)[1:]
        attributes[names.RESPONSE] = text
        if is_cut:
            attributes[names.TRUNCATED] = True

    def _own_response(self, urls: list[str]) -> Json:
        """What can be said where the user said nothing, in the words of the original system."""
        response: dict[str, Json] = {}
        if self.tally.attempts:
            response["generatedImagesCount"] = self.tally.generated
        if self._uploads or self._upload_failures:
            response["uploadedImagesCount"] = len(self._uploads)
        if urls:
            response["imageUrls"] = list(urls)
        return response

    def _failure(self, error: BaseException | None) -> Failure | None:
        has_content = self.switches.content
        if error is not None:
            return Failure(
                error_text(error, has_content=has_content), error_class_of(error), error_type_of(error)
            )
        if self._message is not None:
            error_class = self._error_class or error_class_of(self._message)
            message = clean_message(self._message) if has_content else error_class
            return Failure(message, error_class, error_class)
        return self.tally.failure if self.tally.has_only_failures else None


INERT_GENERATION: Final = Generation(INVALID_SPAN, switches=Switches(), lesson_id=None)


def begin_generation(
    tracer: Tracer,
    name: str,
    *,
    lesson_id: str | None,
    switches: Switches,
    start_time: int | None = None,
) -> Generation:
    """A generation whose span has begun, a child of the current span."""
    attributes: dict[str, Any] = {
        names.OPERATION_NAME: names.INVOKE_WORKFLOW,
        names.WORKFLOW_NAME: name,
        names.OUTPUT_TYPE: names.IMAGE,
        names.ROLE: names.ROLE_GENERATION,
    }
    if lesson_id is not None:
        attributes[names.LESSON_ID] = lesson_id
    span = tracer.start_span(
        f"{names.INVOKE_WORKFLOW} {name}",
        kind=SpanKind.INTERNAL,
        attributes=attributes,
        start_time=start_time,
    )
    generation = Generation(span, switches=switches, lesson_id=lesson_id)
    generation.name = name
    generation.stopwatch = stopwatch(start_time)
    generation.is_measured = generation.stopwatch is not None
    generation.first_attributes = attributes
    if generation.is_recording and not has_kept(span, attributes):
        generation.attributes = attributes
    generation.context = context_with(span, generation)
    return generation


def lesson_id_from(value: object) -> str | None:
    """A caller's key as text: redacted, at most 500 bytes; None for None and ""."""
    if value is None:
        return None
    if type(value) is str and len(value) < 100:
        return clean_text(value) or None
    tree = clean_tree(value)
    text = tree if isinstance(tree, str) else str(tree)
    return cut(text, limit_bytes=LESSON_ID_LIMIT_BYTES) or None


def _attribute_value(value: object) -> Any:
    tree = clean_tree(value)
    if tree is None or isinstance(tree, (bool, int, float)):
        return tree
    return (
        shortened(tree, limit_bytes=_VALUE_LIMIT_BYTES)[1]
        if isinstance(tree, (list, dict))
        else cut(tree, limit_bytes=_VALUE_LIMIT_BYTES)
    )


def _urls_in(result: object) -> list[str]:
    """The web addresses that a generation returned, if that is all it returned."""
    if isinstance(result, (list, tuple)):
        urls = [_web_address(item) for item in result[:_URLS_LIMIT]]
        return [url for url in urls if url is not None] if None not in urls else []
    url = _web_address(result)
    return [] if url is None else [url]


def _web_address(value: object) -> str | None:
    if type(value) is str and value[:8].lower().startswith(("http://", "https://")):
        return clean_text(value)
    return None
