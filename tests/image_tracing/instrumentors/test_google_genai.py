"""Calls of the real `google-genai` client, against a server of ours that speaks its protocols."""

from collections.abc import Callable
from typing import Any

import pytest
from google.genai import models, types
from PIL import Image
from tests.conftest import Spans
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.google_clients import MODEL, AsyncClient, Client, SyncClient
from tests.image_tracing.instrumentors.google_shapes import (
    FAILURES,
    USAGE,
    blocked,
    content,
    imagen,
    picture_part,
    pictures,
    prediction,
    refusal,
    whole,
)
from tests.image_tracing.instrumentors.remembering import remember
from tests.image_tracing.instrumentors.servers import Answer, Api, json_answer

import image_tracing
from image_tracing import generation
from image_tracing_postgres import Store, rows_from

NewClient = Callable[..., Client]
PICTURE = types.Image(image_bytes=b"\x89PNG", mime_type="image/png")
WAYS: dict[str, dict[str, Any]] = {
    "generate_content": {},
    "generate_images": {},
    "edit_image": {"reference_images": [types.RawReferenceImage(reference_id=1, reference_image=PICTURE)]},
    "upscale_image": {"image": PICTURE, "upscale_factor": "x2"},
}


@pytest.fixture(params=["sync", "async"])
def new_client(request: pytest.FixtureRequest, api: Api) -> NewClient:
    """Makes an instrumented client; options are those of `HttpOptions`, and `vertexai`."""
    image_tracing.instrument("google_genai")
    kind = SyncClient if request.param == "sync" else AsyncClient
    return lambda **options: kind(api.url, **options)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """What the SDK's own methods returned or raised; to be asked for before `new_client`."""
    kept = [
        remember(monkeypatch, owner, name) for owner in (models.Models, models.AsyncModels) for name in WAYS
    ]
    return lambda: [each for seen in kept for each in seen]


def test_a_call_is_an_attempt_of_its_own(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    new_client().call(config={"candidate_count": 2, "seed": 7, "response_modalities": ["IMAGE"]})

    recorded = attempts.only
    assert attempts.span.name == f"generate_content {MODEL}"
    assert recorded["gen_ai.provider.name"] == "gcp.gemini"
    assert recorded["image_generation.prompt"] == "a red fox"
    assert (recorded["gen_ai.request.choice.count"], recorded["gen_ai.request.seed"]) == (2, 7)
    assert recorded["image_generation.request"] == (
        '{"candidate_count":2,"seed":7,"response_modalities":["IMAGE"]}'
    )


def test_what_came_is_recorded(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(json_answer(content({"text": "Here it is"}, picture_part(picture()))))

    new_client().call()

    recorded = attempts.only
    assert recorded["image_generation.image.bytes"] == (len(picture()),)
    assert recorded["image_generation.image.mime_types"] == ("image/png",)
    assert recorded["gen_ai.response.model"] == "gemini-2.5-flash-image-001"
    assert recorded["gen_ai.response.finish_reasons"] == ("STOP",)
    assert recorded["http.response.status_code"] == 200


def test_the_id_of_a_reply_is_kept(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    result = new_client().call()

    # Older versions leave it out.
    assert attempts.only.get("gen_ai.response.id") == getattr(result, "response_id", None)


def test_tokens_are_told_apart_by_modality(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    new_client().call()

    recorded = attempts.only
    assert recorded["gen_ai.usage.input_tokens"] == recorded["gen_ai.usage.text.input_tokens"] == 7
    assert recorded["gen_ai.usage.image.output_tokens"] == USAGE["candidatesTokenCount"]
    assert recorded["gen_ai.usage.output_tokens"] == 1290 + 100


def test_the_server_is_known_when_the_span_begins(
    new_client: NewClient, api: Api, spans: Spans, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    new_client().call()

    [span] = spans.finished()
    assert list(span.attributes or {})[5:7] == ["server.address", "server.port"]
    assert (span.attributes or {})["server.port"] == api.port


def test_a_server_of_one_call_alone_is_its_server(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    port = api.port
    config = types.GenerateContentConfig(http_options=types.HttpOptions(base_url=f"http://localhost:{port}"))

    new_client().call(config=config)

    assert attempts.only["server.address"] == "localhost"
    assert "image_generation.request" not in attempts.only


def test_the_options_of_pictures_are_told(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    if not hasattr(types, "ImageConfig"):
        pytest.skip("this version has no ImageConfig")
    api.answer(pictures(picture()))

    new_client().call(
        config=types.GenerateContentConfig(
            image_config=types.ImageConfig(aspect_ratio="16:9", image_size="2K")
        )
    )

    recorded = attempts.only
    assert recorded["image_generation.aspect_ratio"] == "16:9"
    assert recorded["image_generation.size"] == "2K"
    assert recorded["image_generation.request"] == (
        '{"image_config":{"aspect_ratio":"16:9","image_size":"2K"}}'
    )


WANTED: dict[str, tuple[dict[str, Any], bool]] = {
    "the model's name": ({"model": "gemini-2.5-flash-image"}, True),
    "a path of the model": ({"model": "models/gemini-2.0-flash-preview-image-generation"}, True),
    "a nickname": ({"model": "nano-banana-pro-preview"}, True),
    "a modality": ({"model": "tuned", "config": {"response_modalities": ["Text", "Image"]}}, True),
    "a modality in the API's spelling": (
        {"model": "tuned", "config": {"responseModalities": ["image"]}},
        True,
    ),
    "a configuration": (
        {"model": "tuned", "config": types.GenerateContentConfig(response_modalities=["IMAGE"])},
        True,
    ),
    "a model of texts": ({"model": "gemini-3.8-flash"}, False),
    "a model of both, asked for a text": ({"config": {"response_modalities": ["TEXT"]}}, False),
    "a model unheard of": ({"model": "tunedModels/fox"}, False),
}


@pytest.mark.parametrize("situation", WANTED)
def test_only_calls_that_are_to_give_pictures_are_recorded(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures, situation: str
) -> None:
    arguments, is_wanted = WANTED[situation]
    api.answer(pictures(picture()))

    new_client().call(**arguments)

    assert len(attempts.all) == is_wanted


def test_an_image_config_alone_is_enough(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    if not hasattr(types, "ImageConfig"):
        pytest.skip("this version has no ImageConfig")
    api.answer(pictures(picture()))

    new_client().call(model="tuned", config={"image_config": {"aspect_ratio": "1:1"}})

    assert attempts.outcome == ("ok", None)


PNG = b"\x89PNG"
FOX = types.Part(inline_data=types.Blob(data=PNG, mime_type="image/png"))
PROMPTS: dict[str, tuple[Any, str]] = {
    "texts": (["a fox", "in oil"], "a fox\nin oil"),
    "text and picture": (["paint it red", FOX], "paint it red\n<image/png: 4 bytes>"),
    "picture of PIL": (["paint it red", Image.new("RGB", (4, 3))], "paint it red\n<Image: 4x3>"),
    "part": (types.Part(text="a fox"), "a fox"),
    "content": (
        types.Content(role="user", parts=[types.Part(text="a fox"), FOX]),
        "a fox\n<image/png: 4 bytes>",
    ),
    "plain content": ({"role": "user", "parts": [{"text": "a fox"}]}, "a fox"),
    "uploaded file": (
        ["paint it", types.Part(file_data=types.FileData(file_uri="https://x.org/f", mime_type="image/png"))],
        "paint it\nhttps://x.org/f",
    ),
    "conversation": (
        [
            types.Content(role="user", parts=[types.Part(text="a fox")]),
            types.Content(role="model", parts=[FOX]),
            types.Content(role="user", parts=[types.Part(text="a red one")]),
        ],
        "a red one",
    ),
}


@pytest.mark.parametrize("kind", PROMPTS)
def test_a_prompt_is_what_was_said_last(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures, kind: str
) -> None:
    api.answer(pictures(picture()))

    new_client().call(contents=PROMPTS[kind][0])

    assert attempts.only["image_generation.prompt"] == PROMPTS[kind][1]


def test_a_turn_of_a_chat_is_an_attempt(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    client = SyncClient(api.url).client

    chat = client.chats.create(model=MODEL)
    chat.send_message("a fox")
    chat.send_message("a red one")

    assert [(span.attributes or {})["image_generation.prompt"] for span in attempts.all] == [
        "a fox",
        "a red one",
    ]


def test_several_candidates_are_one_attempt(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    seeds = [
        {"content": {"parts": [picture_part(picture(seed=n))]}, "finishReason": "STOP"} for n in range(3)
    ]
    api.answer(json_answer(whole(*seeds)))

    new_client().call(config={"candidate_count": 3})

    assert attempts.only["image_generation.images.generated"] == 3
    assert attempts.only["gen_ai.response.finish_reasons"] == ("STOP",) * 3


def test_a_draft_is_no_picture(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    draft = picture_part(picture(seed=1), thought=True)
    api.answer(json_answer(content({"text": "hm", "thought": True}, draft, picture_part(picture(seed=2)))))

    new_client().call()

    assert attempts.only["image_generation.image.bytes"] == (len(picture(seed=2)),)


SAFETY = {"category": "HARM_CATEGORY_SEXUALLY_EXPLICIT", "probability": "HIGH", "blocked": True}
WITHOUT_PICTURE: dict[str, tuple[Answer, str]] = {
    "prompt blocked": (json_answer(blocked("SAFETY")), "refused"),
    "prompt prohibited": (json_answer(blocked("PROHIBITED_CONTENT")), "refused"),
    "prompt blocked for other reasons": (json_answer(blocked("OTHER")), "refused"),
    "prompt unsafe for pictures": (json_answer(blocked("IMAGE_SAFETY")), "refused"),
    "picture unsafe": (json_answer(content(reason="IMAGE_SAFETY", safetyRatings=[SAFETY])), "refused"),
    "picture prohibited": (json_answer(content(reason="IMAGE_PROHIBITED_CONTENT")), "refused"),
    "picture of somebody else": (json_answer(content(reason="IMAGE_RECITATION")), "refused"),
    "picture withheld": (json_answer(content(reason="IMAGE_OTHER")), "refused"),
    "unsafe": (json_answer(content(reason="SAFETY")), "refused"),
    "blocked by armor": (json_answer(content(reason="MODEL_ARMOR")), "refused"),
    "prohibited": (json_answer(content({"text": "I cannot"}, reason="PROHIBITED_CONTENT")), "refused"),
    "no picture": (json_answer(content(reason="NO_IMAGE", finishMessage="I see no need")), "no_image"),
    "text": (json_answer(content({"text": "I can only describe it"})), "no_image"),
    "no parts": (json_answer(content()), "no_image"),
    "no content": (json_answer(whole({"finishReason": "STOP"})), "no_image"),
    "empty list": (json_answer(whole()), "no_image"),
    "empty object": (json_answer({}), "no_image"),
    "too long": (json_answer(content({"text": "It "}, reason="MAX_TOKENS")), "no_image"),
}


@pytest.mark.parametrize("situation", WITHOUT_PICTURE)
def test_a_return_without_picture_is_no_success(
    seen: Callable[[], list[Any]], new_client: NewClient, api: Api, attempts: Attempts, situation: str
) -> None:
    answer, outcome = WITHOUT_PICTURE[situation]
    api.answer(answer)

    result = new_client().call()

    assert seen()[0] is result
    assert attempts.outcome == (outcome, outcome)


def test_half_a_picture_is_corrupt(new_client: NewClient, api: Api, attempts: Attempts) -> None:
    api.answer(pictures(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x30"))

    new_client().call()

    assert attempts.outcome == ("corrupt", "bad_image")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("situation", FAILURES)
def test_a_failure_has_its_class_and_is_the_same_exception(
    seen: Callable[[], list[Any]],
    new_client: NewClient,
    api: Api,
    attempts: Attempts,
    situation: str,
    way: str,
) -> None:
    answer, error_class = FAILURES[situation]
    api.answer(answer)

    with pytest.raises(Exception) as raised:  # noqa: PT011 - its class is the SDK's affair
        new_client(vertexai=way != "generate_content").call(way, **WAYS[way])

    assert seen() == [raised.value]
    assert attempts.outcome == ("error", error_class)
    assert attempts.only.get("http.response.status_code", 200) == answer.status


@pytest.mark.parametrize("way", WAYS)
def test_a_time_out_is_one(new_client: NewClient, api: Api, attempts: Attempts, way: str) -> None:
    api.answer(Answer(is_silent=True))

    with pytest.raises(Exception, match=r"(?i)timed out|timeout|^$"):
        new_client(vertexai=way != "generate_content", timeout=200).call(way, **WAYS[way])

    assert attempts.outcome == ("error", "timeout")


def test_what_was_sent_again_in_secret_is_counted(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    if "retry_options" not in types.HttpOptions.model_fields:
        pytest.skip("this version sends nothing again")
    overloaded = refusal(503, "UNAVAILABLE", "The model is overloaded")
    api.answer(overloaded, overloaded, pictures(picture()))

    new_client(retry_options={"attempts": 3, "initial_delay": 0.01, "max_delay": 0.02}).call()

    assert len(api.requests) == 3
    assert attempts.only["http.request.resend_count"] == 2
    assert attempts.outcome == ("ok", None)


def test_functions_called_in_between_are_no_resending(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    def color_of(animal: str) -> str:
        """Tell the colour."""
        return f"{animal}: red"

    calling = content({"functionCall": {"name": "color_of", "args": {"animal": "fox"}}})
    api.answer(json_answer(calling), pictures(picture()))

    new_client().call(config={"tools": [color_of]})

    assert len(api.requests) == 2
    assert "http.request.resend_count" not in attempts.only
    assert attempts.outcome == ("ok", None)


def test_vertex_is_a_provider_of_its_own(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    new_client(vertexai=True).call()

    assert attempts.only["gen_ai.provider.name"] == "gcp.vertex_ai"


def test_imagen_is_recorded_with_its_options(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(imagen(prediction(picture(seed=1)), prediction(picture(seed=2))))
    config = types.GenerateImagesConfig(
        number_of_images=2, negative_prompt="blue", aspect_ratio="4:3", seed=3
    )

    new_client(vertexai=True).call("generate_images", config=config)

    recorded = attempts.only
    assert attempts.outcome == ("ok", None)
    assert recorded["image_generation.images.generated"] == recorded["gen_ai.request.choice.count"] == 2
    assert recorded["image_generation.negative_prompt"] == "blue"
    assert recorded["image_generation.aspect_ratio"] == "4:3"
    assert recorded["image_generation.request"] == '{"number_of_images":2,"aspect_ratio":"4:3","seed":3}'


def test_a_prompt_that_imagen_enhanced_is_kept(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(imagen(prediction(picture(), prompt="a red fox, in the snow")))

    new_client(vertexai=True).call("generate_images")

    assert attempts.only["image_generation.revised_prompt"] == "a red fox, in the snow"


def test_pictures_are_edited(new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures) -> None:
    api.answer(imagen(prediction(picture(seed=2))))
    image = types.Image(image_bytes=picture(), mime_type="image/png")

    new_client(vertexai=True).call(
        "edit_image", reference_images=[types.RawReferenceImage(reference_id=1, reference_image=image)]
    )

    assert attempts.outcome == ("ok", None)
    assert f"<bytes: {len(picture())} bytes>" in attempts.only["image_generation.request"]


def test_pictures_are_enlarged(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(imagen(prediction(picture(width=128))))
    image = types.Image(image_bytes=picture(), mime_type="image/png")

    new_client(vertexai=True).call("upscale_image", image=image, upscale_factor="x2")

    assert attempts.outcome == ("ok", None)
    assert '"upscale_factor":"x2"' in attempts.only["image_generation.request"]


FILTERED = {"raiFilteredReason": "Unable to show generated images. Support codes: 39322892"}
IMAGEN_WITHOUT_PICTURE: dict[str, tuple[Answer, str]] = {
    "filtered": (imagen(FILTERED), "refused"),
    "empty list": (imagen(), "no_image"),
    "nothing": (json_answer({}), "no_image"),
    "no picture in it": (imagen({"mimeType": "image/png"}), "no_image"),
}


@pytest.mark.parametrize("situation", IMAGEN_WITHOUT_PICTURE)
def test_a_return_of_imagen_without_picture_is_no_success(
    new_client: NewClient, api: Api, attempts: Attempts, situation: str
) -> None:
    answer, outcome = IMAGEN_WITHOUT_PICTURE[situation]
    api.answer(answer)

    new_client(vertexai=True).call("generate_images", config={"include_rai_reason": True})

    assert attempts.outcome == (outcome, outcome)


def test_one_picture_left_by_the_filter_is_enough(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(imagen(FILTERED, prediction(picture())))

    new_client(vertexai=True).call("generate_images", config={"include_rai_reason": True})

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.images.filtered"] == 1


def test_a_fallback_from_imagen_to_gemini_is_one_generation(
    new_client: NewClient, api: Api, spans: Spans, picture: Pictures
) -> None:
    api.answer(imagen(FILTERED), pictures(picture()))

    with generation(name="illustrate"):
        new_client(vertexai=True).call("generate_images")
        new_client().call()

    root = spans.finished()[-1].attributes or {}
    assert root["image_generation.models.tried"] == ("imagen-4.0-generate-001", MODEL)
    assert root["image_generation.model_used"] == MODEL


def test_a_call_is_a_row(
    new_client: NewClient, api: Api, spans: Spans, database: str, picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    new_client().call(config={"response_modalities": ["IMAGE"]})

    with Store(database) as store:
        store.save(rows_from(spans.finished()))
        [trace] = store.list()

    [made] = trace.attempts
    assert (trace.status, trace.model_used) == ("completed", MODEL)
    assert (made.provider, made.prompt, made.outcome) == ("gcp.gemini", "a red fox", "ok")
    assert made.request["options"] == {"response_modalities": ["IMAGE"]}
    assert made.images[0].size_bytes == len(picture())


def test_without_content_neither_prompt_nor_texts_are_kept(
    new_client: NewClient, api: Api, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_CAPTURE_CONTENT", "false")
    api.answer(json_answer(content({"text": "a secret"}, reason="NO_IMAGE", finishMessage="a secret")))

    new_client().call(contents="a secret", config={"system_instruction": "a secret"})

    assert attempts.outcome == ("no_image", "no_image")
    assert "a secret" not in attempts.span.to_json()


def test_without_instrumentation_nothing_is_recorded(
    new_client: NewClient, api: Api, spans: Spans, picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    kept = [vars(owner)["generate_content"] for owner in (models.Models, models.AsyncModels)]
    image_tracing.uninstrument("google_genai")

    new_client().call()

    assert spans.finished() == ()
    assert not any(vars(owner)["generate_content"] in kept for owner in (models.Models, models.AsyncModels))
