"""An attempt: one call of one model, a child span of its generation."""

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Tracer, get_current_span

from image_tracing import attributes as names
from image_tracing.attributes import SUCCESSFUL_OUTCOMES, ErrorClass, Outcome
from image_tracing.content import clean_tree
from image_tracing.error_classes import error_class_of, status_code_of
from image_tracing.errors import NoImageError
from image_tracing.faults import tell_once
from image_tracing.generations import INERT_GENERATION, Generation
from image_tracing.images import Image
from image_tracing.metrics import Stopwatch, stopwatch
from image_tracing.outcomes import CLASS_OF_OUTCOME, Verdict, verdict_on
from image_tracing.replies import Reply
from image_tracing.reply_attributes import write_reply
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
from image_tracing.storable import Json, shortened
from image_tracing.switches import Switches
from image_tracing.tally import Failure
from image_tracing.tracer import context_with
from image_tracing.vocabulary import asked_sides

_NO_CONTEXT: Final = Context()
_NOT_TOLD: Final = Verdict(
    "no_image",
    "no_image",
    "no image: none was told; call record_images(result) inside the block",
    "no image: none was told; call record_images(result) inside the block",
)
_CLOSED: Final = Verdict("error", "cancelled", "closed before a picture came", "closed before a picture came")
# What a row cannot do without, the most needed last.
_VITAL: Final = (
    names.ERROR_CATEGORY,
    names.OUTCOME,
    names.LESSON_ID,
    names.GENERATION_ID,
    names.ROLE,
    names.REQUEST_MODEL,
)
# Models that run in the process of their caller: no call leaves it.
_IN_PROCESS: Final = frozenset({"diffusers", "in_process", "local", "onnx", "torch", "transformers"})


class Attempt:
    """The attempt going on; what `with attempt(...) as a` and `current_attempt()` give.

    Out of an attempt, without a provider, or when not sampled, its methods record nothing.
    """

    def __init__(
        self, span: Span, generation: Generation, *, model: str | None, lesson_id: str | None = None
    ) -> None:
        self._span = span
        self.generation = generation
        self.model = model
        self.is_recording = span.is_recording()
        self.context = _NO_CONTEXT
        self.number = 0
        self.attributes: dict[str, Any] = {}
        # Those the span was created with; they are written again only where a sampler dropped them.
        self.first_attributes: Mapping[str, Any] = self.attributes
        self.require_image = False
        self.has_traceback = False
        self.is_block = False
        # Metrics do not depend on sampling.
        self.stopwatch: Stopwatch | None = None
        self._lesson_id = lesson_id
        self._reply: Reply | None = None
        self._spare: Reply | None = None
        self._parts: list[Reply] = []
        self._part_failure: Verdict | None = None
        self._told_class: tuple[BaseException, ErrorClass] | None = None
        self._is_told = False
        self._response: Json = None
        self._verdict: Verdict | None = None
        self._is_ended = False

    @property
    def generation_id(self) -> str:
        """The id of its generation's span in hex, 16 digits: its own where no generation is around it."""
        return self.generation.generation_id

    def record_images(self, *results: object) -> None:
        """Record the pictures in `results`, of any shape a decorated function could return.

        They count instead of those in the function's own result.
        """
        if not self.is_looked_at:
            return
        self._is_told = True
        for result in results:
            self._read(result)

    def set_response(self, response: object) -> None:
        """Record `response`: a JSON-like value as the attempt's response, an SDK's reply for its pictures."""
        if not self.is_looked_at:
            return
        try:
            if isinstance(response, (dict, list, str, int, float)) and self.is_recording:
                self._response = clean_tree(response)
            if response is not None:
                # Its pictures count only where the result shows none: most often they are the same.
                self._spare = Reply()
                self._spare.read(response)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("record a response")

    def fail(
        self, message: str, *, outcome: Outcome = "error", error_class: ErrorClass | None = None
    ) -> None:
        """Say that no usable picture came, whatever was returned: `a.fail("black picture", outcome="blank")`.

        The class is that of the outcome if absent, for `error` told from the words of the message.
        """
        if not self.is_looked_at:
            return
        try:
            words = str(message) or outcome
            if error_class is None:
                error_class = error_class_of(words) if outcome == "error" else CLASS_OF_OUTCOME.get(outcome)
            self._verdict = Verdict(outcome, error_class or "unknown", words, outcome)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("record a failure")

    # What follows is called by the decorators, the context manager and ImageTracer.

    @property
    def is_looked_at(self) -> bool:
        """Whether anything comes of what it is told."""
        return self.is_recording or self.require_image or self.stopwatch is not None

    def saw(self, item: object) -> None:
        """Note the pictures in one item of a generator."""
        if self.is_looked_at and not self._is_told:
            self._read(item)

    def ended(self, result: object) -> None:
        """End the span after a return with `result`.

        Raises:
            NoImageError: the attempt requires a picture and got none that can be used.
        """
        verdict = None
        try:
            if self.is_looked_at:
                # What a generator returns at its end repeats what it has given already.
                if not self._is_told and not self.has_images:
                    self._read(result)
                if self._spare is not None and not self._is_told and not self.has_images:
                    self._reply = self._spare
                self._take_parts(has_images=not self._is_told)
                verdict = self._verdict or self._look()
                if verdict.outcome == "no_image" and self._part_failure is not None:
                    # An exception of the SDK that the function swallowed says why nothing came.
                    verdict = self._part_failure
                if self.is_block and verdict.outcome == "no_image" and not self._is_told:
                    verdict = _NOT_TOLD
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("look at a result")
        self._end(verdict, None)
        if self.require_image and verdict is not None and verdict.outcome not in SUCCESSFUL_OUTCOMES:
            raise NoImageError(
                f"wanted a picture from {self.model or 'the model'}; {verdict.message}; "
                "try the next model, or leave out require_image to get the result as it is",
                outcome=verdict.outcome,
                error_class=verdict.error_class or "unknown",
                model=self.model,
            )

    def failed(self, error: BaseException, end_time: int | None = None) -> None:
        """End the span after an exception."""
        try:
            self._take_parts(has_images=False)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("look at a result")
        self._end(self._verdict, error, end_time)

    def closed(self, end_time: int | None = None) -> None:
        """End the span of a generator that its consumer left before the end."""
        verdict = self._verdict
        try:
            if verdict is None and self.is_looked_at:
                if not self.has_images and self._spare is not None:
                    self._reply = self._spare
                self._take_parts(has_images=not self._is_told)
                verdict = self._look() if self.has_images else _CLOSED
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("look at a result")
        self._end(verdict, None, end_time)

    @property
    def is_ended(self) -> bool:
        return self._is_ended

    def enrich(self, model: str | None, attributes: Mapping[str, Any]) -> None:
        """Take from an instrumented call within this attempt what it was not told itself."""
        if self.model is None and model is not None:
            self.model = model
            self.generation.tally.try_model(model)
            self._span.update_name(f"{names.GENERATE_CONTENT} {model}")
        for name, value in attributes.items():
            if name not in self.first_attributes:
                self.attributes.setdefault(name, value)

    def take_reply(self, reply: Reply) -> None:
        """Take what an instrumented call has read already as the attempt's own reply."""
        self._reply = reply

    def tell_class(self, error: BaseException, error_class: ErrorClass) -> None:
        """Note what class this very exception is of, where its SDK's instrumentor knows better."""
        self._told_class = (error, error_class)

    def add_part(self, reply: Reply, error: BaseException | None) -> None:
        """Take what an instrumented call within this attempt gave; it is no attempt of its own."""
        # Of calls in several threads: what was told is added up at the end.
        self._parts.append(reply)
        self._part_failure = None
        if error is not None:
            text, error_class = error_text(error, has_content=True), self._class_of(error)
            self._part_failure = Verdict("error", error_class, text, error_class)

    @property
    def has_images(self) -> bool:
        return self._reply is not None and bool(self._reply.images)

    def add_image(self, image: Image) -> None:
        """Add a picture of which only facts are known."""
        if self._reply is None:
            self._reply = Reply()
        self._reply.images.append(image)

    def settle(self, verdict: Verdict | None, end_time: int | None) -> None:
        """End the span with a verdict given, at a time given."""
        self._end(verdict or self._look(), None, end_time)

    def _read(self, result: object) -> None:
        if result is None:
            return
        try:
            if self._reply is None:
                self._reply = Reply()
            self._reply.read(result)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("read a result")

    def _take_parts(self, *, has_images: bool) -> None:
        """Add what instrumented calls within this attempt told, as far as it tells no such thing itself."""
        if not self._parts:
            return
        if self._reply is None:
            self._reply = Reply()
        self._reply.fill(Reply.of(self._parts), has_images=has_images)

    def _look(self) -> Verdict:
        width, height = asked_sides(self.attributes)
        return verdict_on(
            self._reply or Reply(),
            asked_width=width,
            asked_height=height,
            is_repeated=self.generation.tally.is_repeated,
        )

    def _end(self, verdict: Verdict | None, error: BaseException | None, end_time: int | None = None) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        try:
            if self.is_recording or self.stopwatch is not None:
                self._write(verdict, error)
            if self.stopwatch is not None:
                self.stopwatch.record_attempt(
                    {**self.first_attributes, **self.attributes}, self.context, end_time
                )
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("record an attempt")
        finally:
            # The context holds this object: left in place, only the garbage collector would free both.
            self.context = _NO_CONTEXT
            self._told_class = None
            end(self._span, end_time)

    def _write(self, verdict: Verdict | None, error: BaseException | None) -> None:
        attributes = self.attributes
        attributes[names.ATTEMPT_NUMBER] = self.number
        reply = self._reply
        filtered = 0
        if reply is not None:
            filtered = write_reply(reply, attributes, self.generation.switches)
        if self._response is not None and self.generation.switches.content:
            text, is_cut = shortened(self._response)[1:]
            attributes[names.RESPONSE] = text
            if is_cut:
                attributes[names.TRUNCATED] = True
        outcome: Outcome
        failure: Failure | None
        if error is not None:
            outcome, failure = "error", self._exception(error, attributes)
            if verdict is not None:
                # The caller had said what came before it raised, and knows better than the exception's class.
                outcome, failure = verdict.outcome, self._shortfall(verdict)
        elif verdict is None:
            outcome, failure = "error", Failure("no outcome", "unknown", "unknown")
        else:
            outcome, failure = verdict.outcome, self._shortfall(verdict)
        tally = self.generation.tally
        if failure is None:
            tally.succeed(
                self.number,
                self.model,
                generated=attributes.get(names.IMAGES_GENERATED, 0),
                filtered=filtered,
            )
        else:
            tally.fail(self.number, failure, filtered=filtered)
            set_error(self._span, failure.message)
            attributes[names.ERROR_MESSAGE] = failure.message
            attributes[names.ERROR_TYPE] = failure.error_type
            attributes[names.ERROR_CATEGORY] = failure.error_class
        if self.generation.switches.messages:
            self.generation.take_messages(attributes, has_succeeded=failure is None)
        attributes[names.OUTCOME] = outcome
        first = self.first_attributes
        if self._lesson_id is not None:
            attributes[names.LESSON_ID] = self._lesson_id
        if names.GENERATION_ID not in first:
            attributes[names.GENERATION_ID] = self.generation.generation_id
        if self.model is not None and names.REQUEST_MODEL not in first:
            attributes[names.REQUEST_MODEL] = self.model
        set_attributes(self._span, attributes, first=first, vital=_VITAL)

    def _exception(self, error: BaseException, attributes: dict[str, Any]) -> Failure:
        switches = self.generation.switches
        status = status_code_of(error)
        if status is not None:
            attributes[names.HTTP_RESPONSE_STATUS_CODE] = status
        if (self.has_traceback or switches.traceback) and switches.content:
            attributes[names.EXCEPTION_STACKTRACE] = traceback_of(error)
        return Failure(
            error_text(error, has_content=switches.content), self._class_of(error), error_type_of(error)
        )

    def _class_of(self, error: BaseException) -> ErrorClass:
        told = self._told_class
        return told[1] if told is not None and told[0] is error else error_class_of(error)

    def _shortfall(self, verdict: Verdict) -> Failure | None:
        """The failure that an outcome is, None for successes."""
        if verdict.outcome in SUCCESSFUL_OUTCOMES:
            return None
        error_class = verdict.error_class or "unknown"
        has_content = self.generation.switches.content
        message = verdict.message if has_content else verdict.message_without_content
        return Failure(clean_message(message or error_class), error_class, error_class)


INERT_ATTEMPT: Final = Attempt(INVALID_SPAN, INERT_GENERATION, model=None)


def begin_attempt(
    tracer: Tracer,
    generation: Generation | None,
    *,
    model: str | None,
    provider: str | None,
    lesson_id: str | None,
    switches: Switches | None,
    start_time: int | None = None,
    parent: Context | None = None,
    others: Mapping[str, Any] | None = None,
) -> Attempt:
    """An attempt whose span has begun; without a generation it is its own, and `switches` are for it.

    `others` are attributes beside model and provider that samplers may ask for.
    """
    # What samplers may ask for; everything else is written once, at the end.
    attributes: dict[str, Any] = {
        names.OPERATION_NAME: names.GENERATE_CONTENT,
        names.OUTPUT_TYPE: names.IMAGE,
        names.ROLE: names.ROLE_ATTEMPT,
    }
    if model is not None:
        attributes[names.REQUEST_MODEL] = model
    if provider is not None:
        attributes[names.PROVIDER_NAME] = provider
    if generation is not None:
        # Without it an attempt is a generation of its own, and is told of as one from its start.
        attributes[names.GENERATION_ID] = generation.generation_id
    elif lesson_id is not None:
        attributes[names.LESSON_ID] = lesson_id
    if others:
        attributes.update(others)
    span = tracer.start_span(
        names.GENERATE_CONTENT if model is None else f"{names.GENERATE_CONTENT} {model}",
        parent,
        SpanKind.INTERNAL if provider in _IN_PROCESS else SpanKind.CLIENT,
        attributes,
        None,
        start_time,
    )
    if generation is None:
        generation = Generation(span, switches=switches or Switches(), lesson_id=lesson_id)
        # Its span is the attempt's, which writes it.
        generation.is_recording = False
        generation.is_measured = True
    attempt = Attempt(span, generation, model=model, lesson_id=lesson_id)
    attempt.first_attributes = attributes
    if generation.is_measured:
        attempt.stopwatch = stopwatch(start_time)
    if attempt.is_recording and not has_kept(span, attributes):
        attempt.attributes = attributes
    attempt.number = generation.tally.begin(model)
    attempt.context = context_with(span, attempt)
    return attempt


def attempt_without_span(model: str | None) -> Attempt:
    """An attempt that records nothing but still looks for a picture, for `require_image`."""
    generation = Generation(INVALID_SPAN, switches=Switches(), lesson_id=None)
    attempt = Attempt(INVALID_SPAN, generation, model=model)
    attempt.require_image = True
    attempt.context = context_with(get_current_span(), attempt)
    return attempt
