"""What the loads make: generations of three spans, a failed attempt, a good one and their root."""

import itertools
import json
import random
import string
import time
from collections.abc import Callable
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from faults.tally import POISON, Tally
from image_tracing import attempt, generation
from image_tracing import attributes as names

MODELS: Final = ("black-forest-labs/FLUX.1-schnell", "stabilityai/sdxl-turbo")
SPANS: Final = 3
_TEXT: Final = (
    "a watercolour of lighthouse children harbour soft light at dusk with paper texture and warm colours "
    "drawn for the third lesson about rivers no text no people close by wide angle friendly"
)
_WORDS: Final = _TEXT.split(" ")
_OPTIONS: Final = json.dumps({f"parameter_{number}": number / 7 for number in range(15)})


def prompts(chance: random.Random, size_bytes: int) -> Callable[[], str]:
    """Texts of ordinary words, another one each time."""
    texts = [" ".join(chance.choices(_WORDS, k=size_bytes // 4 + 1))[:size_bytes] for _ in range(97)]
    return itertools.cycle(texts).__next__


class Generations:
    """Makes them, and tells the tally after each span's end. `errors` counts exceptions that reached us."""

    def __init__(
        self,
        tally: Tally,
        chance: random.Random,
        *,
        prompt_bytes: int = 500,
        poison_every: int | None = None,
        inner_seconds: float = 0.0,
    ) -> None:
        self._tally = tally
        self._chance = chance
        self._prompt = prompts(chance, prompt_bytes)
        self._noise = "".join(chance.choices(string.ascii_letters + string.digits, k=6_000))
        self._poison_every = poison_every
        # Loads that are killed early poison as often as others.
        self._number = chance.randrange(poison_every) if poison_every else 0
        self._inner_seconds = inner_seconds
        self._tracer = trace.get_tracer(names.SCOPE)
        self.errors = 0

    def by_sdk(self) -> None:
        """One generation in plain SDK spans with the attributes of our instrumentation."""
        prompt = self._prompt()
        root = self._tracer.start_span(
            "invoke_workflow illustrate",
            context=trace.set_span_in_context(trace.INVALID_SPAN),
            attributes={
                names.OPERATION_NAME: names.INVOKE_WORKFLOW,
                names.ROLE: names.ROLE_GENERATION,
                names.WORKFLOW_NAME: "illustrate",
                names.LESSON_ID: "lesson-1",
                names.REQUEST: json.dumps({"prompts": [prompt], "numberOfImages": 1}),
            },
        )
        context = trace.set_span_in_context(root)
        for number, model in enumerate(MODELS, start=1):
            model, asked = self._perhaps_poisoned(model, prompt)
            attributes: dict[str, AttributeValue] = {
                names.OPERATION_NAME: names.GENERATE_CONTENT,
                names.ROLE: names.ROLE_ATTEMPT,
                names.GENERATION_ID: f"{root.get_span_context().span_id:016x}",
                names.PROVIDER_NAME: "huggingface",
                names.REQUEST_MODEL: model,
                names.PROMPT: asked,
                names.REQUEST: _OPTIONS,
                names.ATTEMPT_NUMBER: number,
                names.LESSON_ID: "lesson-1",
                names.OUTCOME: "error" if number == 1 else "ok",
            }
            span = self._tracer.start_span(
                f"generate_content {model}", context=context, kind=SpanKind.CLIENT, attributes=attributes
            )
            if number == 1:
                span.set_status(Status(StatusCode.ERROR, "no image after 30 s"))
            self._end(span)
        self._end(root)

    def by_decorators(self) -> None:
        """One generation as users write it."""
        try:
            illustrate(self)
        except Exception:  # noqa: BLE001 - counted: tracing must not raise
            self.errors += 1
        self._tally.tell()

    def paint_with(self, model: str) -> None:
        """One attempt within a generation."""
        model, prompt = self._perhaps_poisoned(model, self._prompt())
        if self._inner_seconds:
            # What the model would take.
            time.sleep(self._inner_seconds / len(MODELS))
        try:
            paint(model, prompt)
        finally:
            self._tally.tell()

    def _end(self, span: trace.Span) -> None:
        try:
            span.end()
        except Exception:  # noqa: BLE001 - counted: tracing must not raise
            self.errors += 1
        self._tally.tell()

    def _perhaps_poisoned(self, model: str, prompt: str) -> tuple[str, str]:
        """Every so many-th span is refused: by a constraint, or as too long for an index."""
        if self._poison_every is None:
            return model, prompt
        # Roots are never poisoned, so each attempt takes its share of theirs.
        before = self._number // self._poison_every
        self._number += 1 if model == MODELS[0] else 2
        after = self._number // self._poison_every
        if after == before:
            return model, prompt
        return (POISON, prompt) if after % 2 else (f"{POISON}-long", self._noise)


@attempt(provider="huggingface")
def paint(model: str, prompt: str, *, guidance_scale: float = 7.5, seed: int = 42) -> bytes:  # noqa: ARG001 - the decorator reads them
    """The model's call: the first model never answers."""
    if model == MODELS[0]:
        raise TimeoutError("no image after 30 s")
    return b"\x89PNG\r\n\x1a\n"


@generation
def illustrate(made: Generations) -> None:
    """A fallback chain."""
    for model in MODELS:
        try:
            made.paint_with(model)
        except TimeoutError:
            continue
