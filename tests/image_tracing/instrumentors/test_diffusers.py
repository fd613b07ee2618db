"""Calls of real pipelines of `diffusers` with random weights; `make test-diffusers` runs them."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import SpanKind
from tests.conftest import Spans
from tests.image_tracing.instrumentors import tiny_pipelines
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.remembering import remember

import image_tracing
from image_tracing import attempt, generation
from image_tracing.instrumentors.diffusers import gives_pictures
from image_tracing_postgres import Store, rows_from

# What torch, numpy and transformers deprecate of each other is not ours to mend.
pytestmark = [pytest.mark.diffusers, pytest.mark.filterwarnings("ignore")]

ARGUMENTS: dict[str, Any] = {"prompt": "a red fox", "num_inference_steps": 1, "height": 16, "width": 16}


@pytest.fixture(scope="session")
def diffusers() -> Any:
    """The module."""
    return tiny_pipelines.sdk()


@pytest.fixture(scope="session")
def torch(diffusers: Any) -> Any:
    """The module."""
    return import_module("torch")


@pytest.fixture(scope="session")
def bare_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A `StableDiffusionPipeline` without instrumentation."""
    return tiny_pipelines.stable_diffusion(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture
def pipeline(bare_pipeline: Any) -> Any:
    """A `StableDiffusionPipeline` that was there before the instrumentation."""
    image_tracing.instrument("diffusers")
    return bare_pipeline


def measures(attempts: Attempts) -> list[tuple[int | None, int | None]]:
    return [
        (image["width"], image["height"]) for image in json.loads(attempts.only["image_generation.images"])
    ]


def test_a_call_is_an_attempt_of_its_own(pipeline: Any, attempts: Attempts) -> None:
    pipeline("a red fox", 16, 16, 2, negative_prompt="blue", guidance_scale=3.5)

    recorded = attempts.only
    assert attempts.span.name == "generate_content house/tiny-fox"
    assert attempts.span.kind is SpanKind.INTERNAL
    assert recorded["gen_ai.provider.name"] == "diffusers"
    assert recorded["image_generation.prompt"] == "a red fox"
    assert recorded["image_generation.negative_prompt"] == "blue"
    assert (recorded["image_generation.width"], recorded["image_generation.steps"]) == (16, 2)
    assert recorded["image_generation.guidance_scale"] == 3.5
    assert recorded["image_generation.scheduler"] == "EulerDiscreteScheduler"


def test_options_are_kept_with_those_that_were_not_told(pipeline: Any, attempts: Attempts) -> None:
    pipeline(**ARGUMENTS, return_dict=False, callback_on_step_end=lambda *args: args[3])

    options = json.loads(attempts.only["image_generation.request"])
    assert options.items() >= {"num_inference_steps": 1, "guidance_scale": 7.5, "output_type": "pil"}.items()
    assert not {"return_dict", "callback_on_step_end", "prompt", "self"} & options.keys()


def test_several_pictures_are_one_attempt(pipeline: Any, attempts: Attempts) -> None:
    pipeline(**ARGUMENTS, num_images_per_prompt=2)

    assert measures(attempts) == [(16, 16)] * 2
    assert attempts.only["gen_ai.request.choice.count"] == 2


def test_several_prompts_are_one_attempt(pipeline: Any, attempts: Attempts) -> None:
    pipeline(**{**ARGUMENTS, "prompt": ["a red fox", "a blue one"]})

    assert attempts.only["image_generation.prompt"] == "a red fox\na blue one"
    assert attempts.only["image_generation.images.generated"] == 2


def test_embeddings_stand_for_a_prompt(pipeline: Any, torch: Any, attempts: Attempts) -> None:
    pipeline(**{**ARGUMENTS, "prompt": None}, prompt_embeds=torch.zeros(1, 16, 8), guidance_scale=0.0)

    assert attempts.outcome == ("ok", None)
    assert "image_generation.prompt" not in attempts.only
    assert '"prompt_embeds":"<Tensor: 1x16x8, 512 bytes>"' in attempts.only["image_generation.request"]


def test_the_seed_is_that_of_the_generator(pipeline: Any, torch: Any, attempts: Attempts) -> None:
    generator = torch.Generator().manual_seed(1234)

    pipeline(**ARGUMENTS, generator=generator)

    assert attempts.only["gen_ai.request.seed"] == 1234
    assert generator.initial_seed() == 1234


def test_each_picture_may_have_a_generator(pipeline: Any, torch: Any, attempts: Attempts) -> None:
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]

    pipeline(**ARGUMENTS, num_images_per_prompt=2, generator=generators)

    assert json.loads(attempts.only["image_generation.request"])["seed"] == [1, 2]
    assert "gen_ai.request.seed" not in attempts.only


@pytest.mark.parametrize("return_dict", [True, False])
@pytest.mark.parametrize(("output_type", "side"), [("pil", 16), ("np", 16), ("pt", 16), ("latent", None)])
def test_pictures_are_found_in_every_kind_of_output(
    pipeline: Any, attempts: Attempts, output_type: str, side: int | None, return_dict: bool
) -> None:
    pipeline(**ARGUMENTS, output_type=output_type, return_dict=return_dict, num_images_per_prompt=2)

    assert attempts.outcome == ("ok", None)
    assert measures(attempts) == [(side, side)] * 2


@pytest.mark.parametrize("return_dict", [True, False])
def test_black_pictures_of_the_safety_checker_are_a_refusal(
    pipeline: Any, attempts: Attempts, return_dict: bool
) -> None:
    tiny_pipelines.let_pass(pipeline, is_all=False)

    pipeline(**ARGUMENTS, num_images_per_prompt=2, return_dict=return_dict)
    tiny_pipelines.let_pass(pipeline)

    assert attempts.outcome == ("refused", "refused")
    assert attempts.only["image_generation.images.filtered"] == 2


def test_the_result_is_the_same_object(
    bare_pipeline: Any, monkeypatch: pytest.MonkeyPatch, attempts: Attempts
) -> None:
    seen = remember(monkeypatch, type(bare_pipeline), "__call__")
    image_tracing.instrument("diffusers")

    result = bare_pipeline(**ARGUMENTS)

    assert seen[0] is result
    assert attempts.outcome == ("ok", None)


def too_large(_: Any) -> dict[str, Any]:
    return {"height": 8 * 300_000, "width": 8 * 300_000}


def a_mistake(_: Any) -> dict[str, Any]:
    return {"height": 15}


def told_to_stop(_: Any) -> dict[str, Any]:
    def stop(*_: Any) -> Any:
        raise KeyboardInterrupt

    return {"callback_on_step_end": stop}


@pytest.mark.parametrize(
    ("more", "error_class"),
    [(too_large, "out_of_memory"), (a_mistake, "unknown"), (told_to_stop, "cancelled")],
)
def test_a_failure_has_its_class_and_is_the_same_exception(
    bare_pipeline: Any,
    monkeypatch: pytest.MonkeyPatch,
    attempts: Attempts,
    more: Callable[[Any], dict[str, Any]],
    error_class: str,
) -> None:
    seen = remember(monkeypatch, type(bare_pipeline), "__call__")
    image_tracing.instrument("diffusers")

    with pytest.raises(BaseException) as raised:  # noqa: PT011 - its class is the SDK's affair
        bare_pipeline(**{**ARGUMENTS, **more(None)})

    assert seen == [raised.value]
    assert attempts.outcome == ("error", error_class)


def test_callbacks_are_called_as_ever(pipeline: Any) -> None:
    steps = []

    def look(pipe: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        steps.append((pipe, step, sorted(values)))
        return values

    pipeline(**ARGUMENTS, callback_on_step_end=look)

    assert steps == [(pipeline, 0, ["latents"])]


@pytest.mark.parametrize(
    ("name_or_path", "model"),
    [
        ("stabilityai/stable-diffusion-xl-base-1.0", "stabilityai/stable-diffusion-xl-base-1.0"),
        ("gpt2-fox", "gpt2-fox"),
        ("/home/me/models/tiny-fox/", "tiny-fox"),
        ("./tiny-fox", "tiny-fox"),
        ("C:\\models\\tiny-fox", "tiny-fox"),
        ("/home/me/.cache/huggingface/hub/models--house--tiny-fox/snapshots/0f1e2d", "house/tiny-fox"),
        (None, "StableDiffusionPipeline"),
    ],
)
def test_a_model_has_the_name_it_was_loaded_by(
    pipeline: Any, attempts: Attempts, name_or_path: str | None, model: str
) -> None:
    pipeline.register_to_config(_name_or_path=name_or_path)

    pipeline(**ARGUMENTS)
    pipeline.register_to_config(_name_or_path="house/tiny-fox")

    assert attempts.only["gen_ai.request.model"] == model


def test_a_pipeline_loaded_from_a_folder_is_recorded(
    pipeline: Any, diffusers: Any, attempts: Attempts, tmp_path: Path
) -> None:
    pipeline.save_pretrained(tmp_path / "saved-fox")

    loaded = diffusers.DiffusionPipeline.from_pretrained(tmp_path / "saved-fox")
    loaded(**ARGUMENTS)

    assert attempts.only["gen_ai.request.model"] == "saved-fox"
    assert attempts.outcome == ("ok", None)


def test_pictures_are_made_of_pictures(pipeline: Any, diffusers: Any, attempts: Attempts) -> None:
    from PIL import Image

    painter = diffusers.StableDiffusionImg2ImgPipeline.from_pipe(pipeline)
    painter("a red fox", image=Image.new("RGB", (16, 16)), strength=1.0, num_inference_steps=1)

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.strength"] == 1.0
    assert '"image":"<Image: 16x16>"' in attempts.only["image_generation.request"]


def test_a_pipeline_without_prompts_is_recorded(attempts: Attempts) -> None:
    image_tracing.instrument("diffusers")

    tiny_pipelines.unconditional()(batch_size=2, num_inference_steps=1)

    assert attempts.only["gen_ai.request.model"] == "DDPMPipeline"
    assert measures(attempts) == [(8, 8)] * 2


def test_a_class_of_ones_own_is_recorded_once(pipeline: Any, attempts: Attempts) -> None:
    class Own(type(pipeline)):  # type: ignore[misc]
        def __call__(self, prompt: str, **more: Any) -> Any:
            return super().__call__(prompt, **more)

    Own(**pipeline.components)(**ARGUMENTS)

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.prompt"] == "a red fox"
    assert attempts.only["image_generation.images.generated"] == 1


def test_a_class_that_inherits_its_call_is_recorded_once(pipeline: Any, attempts: Attempts) -> None:
    class Own(type(pipeline)):  # type: ignore[misc]
        pass

    Own(**pipeline.components)(**ARGUMENTS)

    assert attempts.outcome == ("ok", None)
    assert "__call__" not in vars(Own)


@pytest.mark.parametrize(
    ("name", "is_wanted"),
    [
        ("StableDiffusionXLPipeline", True),
        ("FluxPipeline", True),
        ("AutoPipelineForText2Image", None),
        ("StableCascadeCombinedPipeline", True),
        ("StableCascadePriorPipeline", False),
        ("KandinskyV22PriorPipeline", False),
        ("AnimateDiffPipeline", False),
        ("StableVideoDiffusionPipeline", False),
        ("AudioLDMPipeline", False),
    ],
)
def test_only_classes_that_give_pictures_are_patched(
    diffusers: Any, name: str, is_wanted: bool | None
) -> None:
    pipeline = getattr(diffusers, name)

    assert (gives_pictures(vars(pipeline)["__call__"]) if "__call__" in vars(pipeline) else None) is is_wanted


@pytest.fixture
def modular(diffusers: Any, torch: Any) -> Any:
    """A `ModularPipeline` of one step, which makes latents and pictures."""
    if not hasattr(diffusers, "ModularPipeline"):
        pytest.skip("this version has no ModularPipeline")
    from PIL import Image

    parts: Any = import_module("diffusers.modular_pipelines.modular_pipeline_utils")

    class Paint(diffusers.ModularPipelineBlocks):  # type: ignore[misc]
        inputs = (parts.InputParam("prompt"), parts.InputParam("generator"))
        intermediate_outputs = (parts.OutputParam("latents"), parts.OutputParam("images"))
        expected_components = ()
        expected_configs = ()

        def __call__(self, components: Any, state: Any) -> Any:
            state.set("latents", torch.zeros(1, 4, 8, 8))
            state.set("images", [Image.new("RGB", (16, 16))])
            return components, state

    image_tracing.instrument("diffusers")
    return diffusers.ModularPipeline(blocks=Paint())


@pytest.mark.parametrize("output", [None, "images", ["images", "latents"]])
def test_a_modular_pipeline_is_recorded(modular: Any, torch: Any, attempts: Attempts, output: Any) -> None:
    modular(prompt="a red fox", output=output, generator=torch.Generator().manual_seed(3))

    assert attempts.only["image_generation.prompt"] == "a red fox"
    assert attempts.only["image_generation.request"] == '{"seed":3}'
    assert measures(attempts) == [(16, 16)]


def test_a_step_of_a_modular_pipeline_is_not_recorded(modular: Any, attempts: Attempts) -> None:
    modular(prompt="a red fox", output="latents")

    assert attempts.all == []


def test_a_decorated_function_around_a_pipeline_is_one_attempt(pipeline: Any, attempts: Attempts) -> None:
    @attempt(provider="house")
    def paint(prompt: str) -> Any:
        return pipeline(**{**ARGUMENTS, "prompt": f"{prompt}, in oil"}).images[0]

    paint("a fox")

    assert attempts.only["gen_ai.request.model"] == "house/tiny-fox"
    assert attempts.only["image_generation.prompt"] == "a fox"
    assert measures(attempts) == [(16, 16)]


def test_a_fallback_between_two_pipelines_is_one_generation(pipeline: Any, spans: Spans) -> None:
    tiny_pipelines.let_pass(pipeline, is_all=False)

    with generation(name="illustrate"):
        pipeline(**ARGUMENTS)
        tiny_pipelines.let_pass(pipeline)
        tiny_pipelines.unconditional()(num_inference_steps=1)

    root = spans.finished()[-1].attributes or {}
    assert root["image_generation.models.tried"] == ("house/tiny-fox", "DDPMPipeline")
    assert root["image_generation.model_used"] == "DDPMPipeline"


def test_a_call_is_a_row(pipeline: Any, spans: Spans, database: str) -> None:
    pipeline(**ARGUMENTS)

    with Store(database) as store:
        store.save(rows_from(spans.finished()))
        [trace] = store.list()

    [made] = trace.attempts
    assert (trace.status, trace.model_used) == ("completed", "house/tiny-fox")
    assert (made.provider, made.prompt, made.outcome) == ("diffusers", "a red fox", "ok")
    assert (made.images[0].width, made.images[0].height) == (16, 16)


def test_everything_is_put_back(bare_pipeline: Any, diffusers: Any, spans: Spans) -> None:
    kind, base = type(bare_pipeline), diffusers.DiffusionPipeline
    kept = vars(kind)["__call__"], vars(base)["register_modules"]

    image_tracing.instrument("diffusers")
    image_tracing.instrument("diffusers")
    assert vars(kind)["__call__"] is not kept[0]
    image_tracing.uninstrument("diffusers")

    assert (vars(kind)["__call__"], vars(base)["register_modules"]) == kept
    bare_pipeline(**ARGUMENTS)
    assert spans.finished() == ()


def test_a_pipeline_imported_afterwards_is_recorded(interpreter: Callable[..., Any], diffusers: Any) -> None:
    found = interpreter(
        """
        import json, sys, warnings
        warnings.simplefilter("ignore")
        import image_tracing
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
        image_tracing.instrument()
        early = "torch" in sys.modules
        from tests.image_tracing.instrumentors.tiny_pipelines import unconditional

        unconditional()(num_inference_steps=1)
        print(json.dumps([early, [span.name for span in exporter.get_finished_spans()]]))
        """
    )

    assert found == [False, ["generate_content DDPMPipeline"]]
