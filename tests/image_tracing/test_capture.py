"""What a call is asked for is found by the names of its parameters; contents never leak."""

import io
import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from image_tracing import attempt, generation

from ..conftest import Spans
from .conftest import Pictures
from .test_storable import KEYS, VALUES, is_storable


def attributes(spans: Spans) -> dict[str, Any]:
    [span] = spans.finished()
    return dict(span.attributes or {})


def options(spans: Spans) -> Any:
    return json.loads(attributes(spans)["image_generation.request"])


class Size(Enum):
    LARGE = "1024x1024"


NotGiven = type("NotGiven", (), {})


def test_model_prompt_and_options_are_found_by_name(spans: Spans) -> None:
    @attempt(provider="huggingface")
    def paint(
        model: str,
        prompt: str,
        negative_prompt: str | None = None,
        *,
        guidance_scale: float = 7.5,
        style: str = "watercolour",
        seed: int | None = None,
    ) -> str:
        return "https://example.org/1.png"

    paint("flux", "a cat", "blurry", seed=42)

    found = attributes(spans)
    assert found["gen_ai.operation.name"] == "generate_content"
    assert found["gen_ai.output.type"] == "image"
    assert found["gen_ai.request.model"] == "flux"
    assert found["gen_ai.provider.name"] == "huggingface"
    assert found["gen_ai.request.seed"] == 42
    assert found["image_generation.prompt"] == "a cat"
    assert found["image_generation.negative_prompt"] == "blurry"
    assert found["image_generation.guidance_scale"] == 7.5
    assert found["image_generation.style"] == "watercolour"
    assert options(spans) == {"guidance_scale": 7.5, "style": "watercolour", "seed": 42}


STANDARD: list[tuple[str, object, str, object]] = [
    ("n", 4, "gen_ai.request.choice.count", 4),
    ("num_images", 2, "gen_ai.request.choice.count", 2),
    ("stream", True, "gen_ai.request.stream", True),
    ("width", 512, "image_generation.width", 512),
    ("num_inference_steps", 30, "image_generation.steps", 30),
    ("size", "1024x768", "image_generation.size", "1024x768"),
    ("size", Size.LARGE, "image_generation.size", "1024x1024"),
    ("image_size", {"width": 64, "height": 48}, "image_generation.size", "64x48"),
    ("image_size", (64, 48), "image_generation.size", "64x48"),
    ("aspect_ratio", "16:9", "image_generation.aspect_ratio", "16:9"),
    ("strength", 0.5, "image_generation.strength", 0.5),
    ("scheduler", "euler", "image_generation.scheduler", "euler"),
    ("output_format", "webp", "image_generation.output_format", "webp"),
    ("quality", "high", "image_generation.quality", "high"),
    ("base_url", "http://127.0.0.1:8080/v1", "server.address", "127.0.0.1"),
    ("base_url", "http://127.0.0.1:8080/v1", "server.port", 8080),
    ("parameters", {"seed": 3}, "gen_ai.request.seed", 3),
]


@pytest.mark.parametrize(("name", "value", "attribute", "expected"), STANDARD)
def test_a_standard_attribute_is_used_where_one_exists(
    spans: Spans, name: str, value: object, attribute: str, expected: object
) -> None:
    @attempt
    def paint(model: str, **options: object) -> None: ...

    paint("flux", **{name: value})

    assert attributes(spans)[attribute] == expected


def test_a_count_of_one_is_not_worth_an_attribute(spans: Spans) -> None:
    @attempt
    def paint(model: str, n: int = 1) -> None: ...

    paint("flux")

    assert "gen_ai.request.choice.count" not in attributes(spans)
    assert options(spans) == {"n": 1}


def test_extra_positions_and_keywords_are_options(spans: Spans) -> None:
    @attempt
    def paint(model: str, *colours: str, **rest: object) -> None: ...

    paint("flux", "red", "blue", tiling=True)

    assert options(spans) == {"colours": ["red", "blue"], "tiling": True}


def test_what_was_not_given_is_left_out(spans: Spans) -> None:
    @attempt
    def paint(model: str, quality: object = NotGiven(), seed: int | None = None) -> None: ...

    paint("flux")

    assert options(spans) == {"seed": None}


def test_ignored_names_are_left_out(spans: Spans) -> None:
    @attempt(ignore=["user", "trace_id"])
    def paint(model: str, user: str, trace_id: str, seed: int) -> None: ...

    paint("flux", "me", "t", 1)

    assert options(spans) == {"seed": 1}


def test_files_pictures_and_clients_become_type_and_size(spans: Spans, picture: Pictures) -> None:
    class Client:
        def __repr__(self) -> str:
            raise AssertionError("repr")

    @attempt
    def paint(model: str, **inputs: object) -> None: ...

    with io.BytesIO(picture()) as file:
        paint(
            "flux",
            client=Client(),
            mask=picture(),
            image=Pillow.new("RGB", (64, 48)),
            file=file,
            init=f"data:image/png;base64,{'A' * 4000}",
        )

    assert options(spans) == {
        "client": "<Client>",
        "mask": f"<bytes: {len(picture())} bytes>",
        "image": "<Image: 64x48>",
        "file": f"<BytesIO: {len(picture())} bytes>",
        "init": "<data URL image/png: 3000 bytes>",
    }


def test_secrets_are_redacted_by_name_and_shape(spans: Spans) -> None:
    token = "hf_" + "aB3" * 11

    @attempt
    def paint(model: str, prompt: str, api_key: str, headers: dict[str, str]) -> None: ...

    paint("flux", f"a cat with {token}", "abc", {"authorization": "abc", "note": token})

    assert attributes(spans)["image_generation.prompt"] == "a cat with [redacted]"
    assert options(spans) == {
        "api_key": "[redacted]",
        "headers": {"authorization": "[redacted]", "note": "[redacted]"},
    }


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("a cat", "a cat"),
        (["a cat", "a dog"], "a cat\na dog"),
        (["edit this", Pillow.new("RGB", (64, 48))], "edit this\n<Image: 64x48>"),
        ({"text": "a cat"}, '{"text":"a cat"}'),
        (b"\x89PNG", "<bytes: 4 bytes>"),
        (7, "7"),
    ],
    ids=["text", "list", "picture", "mapping", "bytes", "number"],
)
def test_a_prompt_of_any_kind_becomes_one_text(spans: Spans, prompt: object, text: str) -> None:
    @attempt
    def paint(model: str, prompt: object) -> None: ...

    paint("flux", prompt)

    assert attributes(spans)["image_generation.prompt"] == text


def test_values_may_be_told_by_functions_of_the_call(spans: Spans) -> None:
    class Painter:
        engine = "sdxl"

        @attempt(
            model=lambda call: call["self"].engine,
            prompt=lambda call: call["words"].upper(),
            provider=lambda call: call["rest"]["vendor"],
            request=lambda call: {"steps": call["steps"], "seed": call["seed"]},
        )
        def paint(self, words: str, steps: int = 20, **rest: object) -> None: ...

    Painter().paint("a cat", vendor="fal_ai", seed=3)

    found = attributes(spans)
    assert found["gen_ai.request.model"] == "sdxl"
    assert found["image_generation.prompt"] == "A CAT"
    assert found["gen_ai.provider.name"] == "fal_ai"
    assert options(spans) == {"steps": 20, "seed": 3}


def test_a_function_that_raises_leaves_what_is_found_by_name(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    @attempt(model=lambda call: call["nothing"])
    def paint(model: str) -> str:
        return "https://example.org/1.png"

    assert paint("flux") == "https://example.org/1.png"
    paint("flux")

    assert [dict(span.attributes or {})["gen_ai.request.model"] for span in spans.finished()] == ["flux"] * 2
    assert len(caplog.records) <= 1


def test_arguments_are_seen_as_they_were_when_the_call_began(spans: Spans) -> None:
    @attempt
    def paint(model: str, colours: list[str]) -> None:
        colours.clear()

    paint("flux", ["red"])

    assert options(spans) == {"colours": ["red"]}


def test_a_call_that_python_refuses_is_refused_as_ever(spans: Spans) -> None:
    @attempt
    def paint(model: str, prompt: str) -> None: ...

    paint_anyhow: Callable[..., None] = paint
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'prompt'"):
        paint_anyhow("flux")


def test_attributes_of_ones_own_never_replace_ours(spans: Spans) -> None:
    names = ("gen_ai.operation.name", "image_generation.role", "image_generation.generation_id")

    @generation(
        lesson_id="l-1", attributes={**dict.fromkeys(names, "mine"), "image_generation.lesson_id": "x"}
    )
    def run() -> None: ...

    run()

    found = attributes(spans)
    assert found["image_generation.lesson_id"] == "l-1"
    assert "mine" not in {found[name] for name in names}


def test_the_request_of_a_generation_is_the_rest_of_its_parameters(spans: Spans) -> None:
    @generation(name="illustrate", attributes={"app.tenant": "t-1", "app.depth": 3})
    def run(lesson_id: str, prompts: list[str], *, size: str = "1024x1024") -> list[str]:
        return ["https://example.org/1.png", "https://example.org/2.png"]

    run("l-1", ["a cat", "a dog"])

    found = attributes(spans)
    assert found["gen_ai.workflow.name"] == "illustrate"
    assert found["image_generation.lesson_id"] == "l-1"
    assert options(spans) == {"prompts": ["a cat", "a dog"], "size": "1024x1024"}
    assert found["image_generation.images.requested"] == 2
    assert found["app.tenant"] == "t-1"
    assert found["app.depth"] == 3
    assert json.loads(found["image_generation.response"]) == {
        "imageUrls": ["https://example.org/1.png", "https://example.org/2.png"]
    }


def test_a_generation_may_be_told_its_lesson_prompts_and_request(spans: Spans) -> None:
    @generation(
        lesson_id=lambda call: call["page"]["lesson"],
        prompts=lambda call: call["page"]["prompts"],
        request=lambda call: {"numberOfImages": 5, "pages": len(call)},
    )
    def run(page: Mapping[str, Any]) -> None: ...

    run({"lesson": 17, "prompts": ["a cat"]})

    assert attributes(spans)["image_generation.lesson_id"] == "17"
    assert attributes(spans)["image_generation.images.requested"] == 5
    assert options(spans) == {"numberOfImages": 5, "pages": 1, "prompts": ["a cat"]}


def test_long_prompts_are_cut_visibly_and_flagged(spans: Spans) -> None:
    @attempt
    def paint(model: str, prompt: str, **texts: str) -> None: ...

    paint("flux", "long " * 40_000, **{f"text{number}": "words " * 10_000 for number in range(8)})

    found = attributes(spans)
    assert found["image_generation.prompt"].endswith("… [cut: 200000 bytes in all]")
    assert found["image_generation.truncated"] is True
    sizes = [len(value.encode()) for value in found.values() if isinstance(value, str)]
    assert max(sizes) <= 65_536
    assert sum(sizes) <= 262_144
    json.loads(found["image_generation.request"])


@settings(max_examples=150)
@given(prompt=VALUES, model=VALUES, rest=st.dictionaries(KEYS, VALUES, max_size=4), value=VALUES)
def test_no_value_hurts_the_call_or_the_record(
    prompt: object, model: object, rest: dict[Any, object], value: object
) -> None:
    seen: list[object] = []

    @attempt
    def paint(model: object, prompt: object, **rest: object) -> object:
        seen.append(prompt)
        return value

    @generation(request=rest)
    def run(lesson_id: object) -> object:
        return paint(model, prompt, width=value, seed=value, size=value, nested=rest)

    assert run(model) is value
    assert seen[0] is prompt


@settings(max_examples=100)
@given(prompt=VALUES, rest=st.dictionaries(KEYS, VALUES, max_size=4))
def test_all_that_is_recorded_is_storable(prompt: object, rest: dict[Any, object]) -> None:
    from opentelemetry.sdk.trace import TracerProvider

    from image_tracing.plans import AttemptPlan

    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    plan = AttemptPlan(model="flux", prompt=prompt, request=rest)
    recorded = plan.begin(None, None, tracer, (), {})

    assert recorded is not None
    recorded.record_images(
        {"images": [{"url": "https://e.org/1", "content_type": prompt, "id": prompt}]}, prompt
    )
    recorded.ended(None)
    for value in recorded.attributes.values():
        assert not isinstance(value, str) or is_storable(value)
