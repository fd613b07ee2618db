"""The imperative form, for code that cannot be decorated."""

from collections.abc import Mapping
from time import time_ns
from typing import Any, Final

from image_tracing.attempts import begin_attempt
from image_tracing.attributes import Outcome
from image_tracing.content import captured
from image_tracing.error_classes import error_class_of
from image_tracing.faults import tell_once
from image_tracing.generations import Generation, begin_generation, lesson_id_from
from image_tracing.images import Image
from image_tracing.options import write_request_tree
from image_tracing.outcomes import Verdict
from image_tracing.plans import AttemptPlan, name_from
from image_tracing.spans import error_text
from image_tracing.switches import switches
from image_tracing.tracer import active_tracer
from image_tracing.vocabulary import requested_count

_DEFAULT_NAME: Final = "generation"
# Failures told in words that are outcomes of their own.
_OUTCOMES: Final[Mapping[str, Outcome]] = {"refused": "refused", "no_image": "no_image"}


class ImageTracer:
    """One generation after the other, told step by step.

    `start_trace`, then `add_image_generation_attempt` after each attempt, then `complete_trace` or
    `fail_trace`. Nothing here raises into the caller; without a provider nothing happens.
    """

    def __init__(self, lesson_id: object = None, *, name: str = _DEFAULT_NAME) -> None:
        self._lesson_id = lesson_id
        self._name = name
        self._generation: Generation | None = None

    @property
    def generation(self) -> Generation | None:
        """The generation between `start_trace` and its end, else None."""
        return self._generation

    def start_trace(self, request_data: Mapping[str, Any] | None = None) -> None:
        """Begin a generation; one that was not ended is ended as failed."""
        try:
            if self._generation is not None:
                self.fail_trace("the next trace was started before this one was completed")
            self._start(request_data)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("start a trace")

    def add_image_generation_attempt(
        self,
        *,
        model: str,
        prompt: object = None,
        request: Mapping[str, Any] | None = None,
        response: Mapping[str, Any] | None = None,
        duration_ms: float | None = None,
        success: bool | None = None,
        error: BaseException | str | None = None,
        provider: str | None = None,
        negative_prompt: object = None,
        images: object = None,
    ) -> None:
        """Record an attempt that has just ended.

        `request`: the options, or the whole request as the records have it, `{"prompt", "model", "options"}`.
        `images`: the pictures or the reply, of any shape; without them `response["dataSize"]` tells the size
        of one. `success` is taken from `response["success"]` or the absence of an error where it is None.
        """
        try:
            generation = self._generation or self._start(None)
            if generation is not None and generation.is_looked_at:
                self._add(
                    generation,
                    AttemptPlan(
                        model=model,
                        prompt=prompt if prompt is not None else _prompt_of(request),
                        negative_prompt=negative_prompt,
                        provider=provider,
                        request=_options_of(request),
                    ),
                    response=response or {},
                    duration_ms=duration_ms,
                    success=success,
                    error=error,
                    images=images,
                )
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("add an attempt")

    def complete_trace(self, response_data: object = None, *, model_used: str | None = None) -> None:
        """End the generation; it is completed unless it had attempts and none gave a picture."""
        generation, self._generation = self._generation, None
        if generation is None:
            return
        try:
            if response_data is not None:
                generation.set_response(response_data)
                self._count_uploads(generation, response_data)
            generation.set_model_used(model_used)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("complete a trace")
        generation.ended(None)

    def fail_trace(self, error: BaseException | str) -> None:
        """End the generation as failed, with an exception or in words."""
        generation, self._generation = self._generation, None
        if generation is None:
            return
        if isinstance(error, BaseException):
            generation.failed(error)
        else:
            generation.fail(error)
            generation.ended(None)

    def _start(self, request_data: Mapping[str, Any] | None) -> Generation | None:
        tracer = active_tracer()
        if tracer is None:
            return None
        generation = begin_generation(
            tracer, self._name, lesson_id=lesson_id_from(self._lesson_id), switches=switches()
        )
        self._generation = generation
        if generation.is_recording and request_data is not None:
            request = captured(request_data, has_content=generation.switches.content)
            write_request_tree(request, generation.attributes)
            generation.set_requested(requested_count(request_data))
        return generation

    def _add(
        self,
        generation: Generation,
        plan: AttemptPlan,
        *,
        response: Mapping[str, Any],
        duration_ms: float | None,
        success: bool | None,
        error: BaseException | str | None,
        images: object,
    ) -> None:
        tracer = active_tracer()
        if tracer is None:
            return
        now = time_ns()
        attempt = begin_attempt(
            tracer,
            generation,
            model=name_from(plan.model),
            provider=name_from(plan.provider),
            lesson_id=generation.lesson_id,
            switches=None,
            start_time=now - int(max(0.0, float(duration_ms or 0)) * 1_000_000),
            parent=generation.context,
        )
        plan.describe(attempt)
        if images is not None:
            attempt.record_images(images)
        facts = {name: response.get(name) for name in ("dataSize", "success", "error")}
        extras = {name: value for name, value in response.items() if name not in facts}
        if extras:
            attempt.set_response(extras)
        if success is None:
            success = (
                bool(facts["success"]) if facts["success"] is not None else not (error or facts["error"])
            )
        if success:
            size_bytes = facts["dataSize"]
            if not attempt.has_images:
                attempt.add_image(Image(size_bytes=size_bytes if type(size_bytes) is int else None))
            attempt.settle(None, now)
            return
        told = error if error is not None else facts["error"]
        if isinstance(told, BaseException):
            error_class = error_class_of(told)
            message = error_text(told, has_content=True)
        else:
            message = str(told) if told else "no image: the attempt was told to have failed"
            error_class = error_class_of(message)
        outcome = _OUTCOMES.get(error_class, "error")
        attempt.settle(Verdict(outcome, error_class, message, error_class), now)

    @staticmethod
    def _count_uploads(generation: Generation, response_data: object) -> None:
        """The words of the original system, where a response uses them."""
        if isinstance(response_data, Mapping):
            urls = response_data.get("imageUrls")
            count = response_data.get("uploadedImagesCount")
            if isinstance(urls, (list, tuple)):
                for url in urls[:1000]:
                    generation.record_upload(url=str(url))
            elif type(count) is int:
                for _ in range(min(count, 1000)):
                    generation.record_upload()


def _options_of(request: object) -> object:
    """What a request says beside model and prompt, which an attempt has already."""
    if not isinstance(request, Mapping):
        return request
    others = {name: value for name, value in request.items() if name not in ("model", "prompt")}
    options = others.get("options")
    return options if isinstance(options, Mapping) and len(others) == 1 else others


def _prompt_of(request: object) -> object:
    return request.get("prompt") if isinstance(request, Mapping) else None
