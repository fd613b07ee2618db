"""Switching on and off, whatever is imported or installed."""

import contextlib
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import openai.resources.images
import pytest
from tests.conftest import Spans
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.openai_clients import SyncClient
from tests.image_tracing.instrumentors.openai_shapes import pictures
from tests.image_tracing.instrumentors.servers import Api

import image_tracing
from image_tracing import UsageError, instrumentors
from image_tracing.instrumentors import patches
from image_tracing.instrumentors.openai import OpenAIInstrumentor

SDKS = {
    "openai",
    "huggingface_hub",
    "google.genai",
    "diffusers",
    "fal_client",
    "replicate",
    "litellm",
    "together",
}


def surfaces() -> list[Any]:
    """What instrumentation replaces in openai."""
    images = openai.resources.images
    return [
        vars(owner)[name]
        for owner in (images.Images, images.AsyncImages)
        for name in ("generate", "edit", "create_variation")
    ] + [vars(openai._base_client.SyncAPIClient)["_process_response"]]


def test_uninstrument_leaves_everything_as_it_was() -> None:
    before = surfaces()
    finders = list(sys.meta_path)
    image_tracing.instrument()
    during = surfaces()

    image_tracing.uninstrument()

    assert [now is then for now, then in zip(surfaces(), before, strict=True)] == [True] * len(before)
    assert [now is then for now, then in zip(during, before, strict=True)] == [False] * len(before)
    assert sys.meta_path == finders


@pytest.mark.parametrize("name", instrumentors._SDKS)
def test_every_place_of_an_sdk_is_given_back(name: str) -> None:
    instrumentor = instrumentors._instrumentor(name)
    for module in instrumentor.hooks:
        with contextlib.suppress(ModuleNotFoundError):
            import_module(module)
    image_tracing.instrument(name)
    places = list(instrumentor._patches._places)
    assert bool(places) == any(module in sys.modules for module in instrumentor.hooks)

    image_tracing.uninstrument(name)

    for owner, place, _, found in places:
        assert vars(owner).get(place, patches._MISSING) is found


def test_twice_is_once(api: Api, spans: Spans, picture: Pictures) -> None:
    api.answer(pictures(picture()))
    image_tracing.instrument()
    image_tracing.instrument("openai")
    OpenAIInstrumentor().instrument()

    SyncClient(api.url).call()

    assert len(spans.finished()) == 1


def test_off_and_on_again_records_again(api: Api, spans: Spans, picture: Pictures) -> None:
    api.answer(pictures(picture()))
    image_tracing.instrument("openai")
    image_tracing.uninstrument()
    image_tracing.uninstrument("openai")
    image_tracing.instrument("openai")

    SyncClient(api.url).call()

    assert len(spans.finished()) == 1


def test_what_its_instrumentor_switched_off_can_be_switched_on_again(
    api: Api, spans: Spans, picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    image_tracing.instrument("openai")
    OpenAIInstrumentor().uninstrument()
    image_tracing.instrument("openai")

    SyncClient(api.url).call()

    assert len(spans.finished()) == 1


def test_threads_that_import_and_switch_on_do_not_wait_for_each_other(
    interpreter: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "fal_client.py").write_text(
        "import signals as s\ns.importing.set(); s.instrumenting.wait(0.2); client = None\n"
    )
    (tmp_path / "signals.py").write_text(
        "import threading\nimporting, instrumenting = threading.Event(), threading.Event()\n"
    )
    code = f"""
    import importlib, json, sys, threading
    sys.path.insert(0, {str(tmp_path)!r})
    import image_tracing, signals
    from image_tracing.instrumentors.fal import FalInstrumentor
    image_tracing.instrument("fal")
    importing = threading.Thread(target=importlib.import_module, args=("fal_client",), daemon=True)
    importing.start()
    signals.importing.wait(20)
    switching = threading.Thread(target=FalInstrumentor().instrument, daemon=True)
    switching.start()
    signals.instrumenting.set()
    importing.join(20), switching.join(20)
    print(json.dumps([importing.is_alive(), switching.is_alive()]))
    """

    assert interpreter(code) == [False, False]


def test_one_sdk_alone_can_be_switched_on(api: Api, spans: Spans, picture: Pictures) -> None:
    api.answer(pictures(picture()))
    image_tracing.instrument("huggingface")

    SyncClient(api.url).call()

    assert spans.finished() == ()


@pytest.mark.parametrize("function", [image_tracing.instrument, image_tracing.uninstrument])
def test_an_unknown_name_is_told_with_those_that_are_known(function: Callable[..., None]) -> None:
    with pytest.raises(UsageError, match=r"found 'open_ai'; known are .*huggingface, .*openai"):
        function("openai", "open_ai")

    assert not OpenAIInstrumentor().is_instrumented_by_opentelemetry


def test_an_instrumentor_is_one_object() -> None:
    assert OpenAIInstrumentor() is OpenAIInstrumentor()


def test_no_sdk_is_imported(interpreter: Callable[..., Any]) -> None:
    code = """
    import json, sys
    import image_tracing
    image_tracing.instrument()
    print(json.dumps([name for name in sys.modules]))
    """

    imported = set(interpreter(code))

    assert imported & SDKS == set()
    assert "image_tracing.instrumentors.imports" in imported
    assert imported & {"image_tracing.plans", "image_tracing.replies", "opentelemetry.sdk"} == set()


RECORDING = """
import json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
import image_tracing
{order}
with OpenAI(api_key="k", base_url="{url}") as client:
    client.images.generate(prompt="a red fox", model="gpt-image-2")
print(json.dumps([span.name for span in exporter.get_finished_spans()]))
"""
ORDERS = {
    "before": "image_tracing.instrument()\nfrom openai import OpenAI",
    "after": "from openai import OpenAI\nimage_tracing.instrument()",
    "late": "from openai import OpenAI\nOpenAI(api_key='k').images\nimage_tracing.instrument()",
}


@pytest.mark.parametrize("order", ORDERS)
def test_the_sdk_may_be_imported_at_any_time(
    api: Api, interpreter: Callable[..., Any], picture: Pictures, order: str
) -> None:
    api.answer(pictures(picture()))

    found = interpreter(RECORDING.format(order=ORDERS[order], url=api.url))

    assert found == ["generate_content gpt-image-2"]


def test_without_a_provider_calls_pass_and_nothing_that_records_is_loaded(
    api: Api, interpreter: Callable[..., Any], picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    code = f"""
    import json, sys
    import image_tracing
    image_tracing.instrument()
    from openai import OpenAI
    with OpenAI(api_key="k", base_url="{api.url}") as client:
        result = client.images.generate(prompt="a red fox", model="gpt-image-2")
    print(json.dumps([len(result.data), "image_tracing.plans" in sys.modules]))
    """

    assert interpreter(code) == [1, False]


def test_an_sdk_that_is_not_installed_does_no_harm(interpreter: Callable[..., Any]) -> None:
    code = """
    import json, sys
    sys.modules["openai"] = None
    import image_tracing
    image_tracing.instrument()
    try:
        import openai
    except ModuleNotFoundError as error:
        print(json.dumps(str(error)))
    """

    assert interpreter(code) == "import of openai halted; None in sys.modules"


def test_a_program_that_can_import_no_more_keeps_its_result(
    api: Api, interpreter: Callable[..., Any], picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    halted = "import sys; sys.modules['image_tracing.plans'] = None\nfrom openai import OpenAI"

    found = interpreter(RECORDING.format(order=f"image_tracing.instrument()\n{halted}", url=api.url))

    assert found == []
