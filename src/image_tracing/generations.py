"""A generation: one request for pictures, the root span of its attempts."""

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Tracer

from image_tracing import attributes as names
from image_tracing.attributes import ErrorClass
from image_tracing.content import clean_text, clean_tree, hidden_tree
from image_tracing.error_classes import error_class_of
from image_tracing.faults import tell_once
from image_tracing.spans import (
    clean_message,
    error_text,
    error_type_of,
    has_kept,
    set_attributes,
    set_error,
    span_id_of,
    traceback_of,
)
from image_tracing.storable import cut, shortened
from image_tracing.switches import Switches
from image_tracing.tally import Failure, Tally
from image_tracing.tracer import context_with
from image_tracing.vocabulary import requested_count

LESSON_ID_LIMIT_BYTES: Final = 500


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
        self.context = Context()
        self._attributes: dict[str, Any] = {}
        self._request: object = None
        self._response: object = None
        self._uploads: list[str] = []
        self._upload_failures = 0
        self._message: str | None = None
        self._error_class: ErrorClass | None = None
        self._model_used: str | None = None
        self._user_attributes: Mapping[str, Any] | None = None
        self._has_traceback = False
        self._is_ended = False
        self.is_block = False

    @property
    def generation_id(self) -> str:
        """The id of its span in hex, 16 digits; attempts carry it."""
        return span_id_of(self._span)

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
        if self.is_recording:
            try:
                self._message = str(message) or "failed"
                self._error_class = error_class
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("record a failure")

    # What follows is called by the decorators, the context manager and ImageTracer.

    def set_model_used(self, model: str | None) -> None:
        self._model_used = model

    def saw(self, _: object) -> None:
        """An item of a generator: nothing to note, its attempts tell."""

    def ended(self, result: object) -> None:
        """End the span after a return with `result`."""
        self._end(None, result)

    def failed(self, error: BaseException) -> None:
        """End the span after an exception."""
        self._end(error, None)

    def closed(self) -> None:
        """End the span of a generator that its consumer left before the end: no failure of the generation."""
        self._end(None, None)

    def _end(self, error: BaseException | None, result: object, end_time: int | None = None) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        try:
            if self.is_recording:
                self._write(error, result)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("record a generation")
        finally:
            self._span.end(end_time)

    def _write(self, error: BaseException | None, result: object) -> None:
        tally = self.tally
        attributes = self._attributes
        if self._user_attributes:
            for name, value in self._user_attributes.items():
                attributes[str(name)] = _attribute_value(value)
        self._write_request(attributes)
        self._write_response(attributes, result)
        failure = self._failure(error)
        if failure is not None:
            set_error(self._span, failure.message)
            attributes[names.ERROR_MESSAGE] = failure.message
            attributes[names.ERROR_TYPE] = failure.error_type
            if (
                error is not None
                and (self._has_traceback or self.switches.traceback)
                and self.switches.content
            ):
                attributes[names.EXCEPTION_STACKTRACE] = traceback_of(error)
        last: dict[str, Any] = {}
        if failure is not None:
            last[names.ERROR_CATEGORY] = failure.error_class
        model_used = self._model_used or tally.model_used
        if model_used is not None:
            last[names.MODEL_USED] = model_used
        last[names.MODELS_TRIED] = list(tally.models_tried)
        if self.lesson_id is not None:
            last[names.LESSON_ID] = self.lesson_id
        last[names.GENERATION_ID] = self.generation_id
        last[names.ROLE] = names.ROLE_GENERATION
        set_attributes(self._span, attributes, last)

    def _write_request(self, attributes: dict[str, Any]) -> None:
        if self._request is None:
            return
        requested = requested_count(self._request)
        if requested is not None:
            attributes[names.IMAGES_REQUESTED] = requested
        text, is_cut = shortened(self._request)[1:]  # type: ignore[arg-type]
        attributes[names.REQUEST] = text
        if is_cut:
            attributes[names.TRUNCATED] = True

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
            response = self._own_response(result)
        if response is not None:
            text, is_cut = shortened(response)[1:]  # type: ignore[arg-type]
            attributes[names.RESPONSE] = text
            if is_cut:
                attributes[names.TRUNCATED] = True

    def _own_response(self, result: object) -> dict[str, Any] | None:
        """What can be said where the user said nothing, in the words of the original system."""
        response: dict[str, Any] = {}
        if self.tally.attempts:
            response["generatedImagesCount"] = self.tally.generated
        if self._uploads or self._upload_failures:
            response["uploadedImagesCount"] = len(self._uploads)
        urls = [url for url in self._uploads if url] or _urls_in(result)
        if urls:
            response["imageUrls"] = urls
        return response or None

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
    if generation.is_recording and not has_kept(span, attributes):
        generation._attributes = attributes
    generation.context = context_with(span, generation)
    return generation


def describe_generation(
    generation: Generation,
    *,
    request: object,
    attributes: Mapping[str, Any] | None,
    has_traceback: bool,
) -> None:
    """Note what was asked for, before the host can change it."""
    generation._request = request
    generation._user_attributes = attributes
    generation._has_traceback = has_traceback


def lesson_id_from(value: object) -> str | None:
    """A caller's key as text: redacted, at most 500 bytes; None for None and ""."""
    if value is None:
        return None
    tree = clean_tree(value)
    text = tree if isinstance(tree, str) else str(tree)
    return cut(text, limit_bytes=LESSON_ID_LIMIT_BYTES) or None


def captured(value: object, *, has_content: bool) -> Any:
    """A JSON tree of `value`, with its texts or without."""
    return clean_tree(value) if has_content else hidden_tree(value)


def _attribute_value(value: object) -> Any:
    if isinstance(value, bool | int | float):
        return value
    tree = clean_tree(value)
    if isinstance(tree, list) and all(isinstance(item, str) for item in tree):
        return tree
    return tree if isinstance(tree, str) else shortened(tree)[1]


def _urls_in(result: object) -> list[str]:
    """The web addresses that a generation returned, if that is all it returned."""
    items = result if isinstance(result, list | tuple) else [result]
    urls = [
        item
        for item in items[:500]
        if type(item) is str and item[:8].lower().startswith(("http://", "https://"))
    ]
    return [clean_text(url) for url in urls] if len(urls) == len(items) else []
