"""What a reply really holds, by the shapes of the SDKs; nothing is read, iterated, loaded or changed."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import SimpleNamespace as Object
from typing import Any

import pytest
from hypothesis import given
from PIL import Image as Pillow

from image_tracing.outcomes import Verdict, verdict_on
from image_tracing.replies import Reply

from .conftest import Pictures
from .test_storable import VALUES


def reply_of(result: object) -> Reply:
    reply = Reply()
    reply.read(result)
    return reply


def verdict_of(result: object, *, width: int | None = None, height: int | None = None) -> Verdict:
    seen: set[str] = set()

    def is_repeated(sha256: str) -> bool:
        repeated = sha256 in seen
        seen.add(sha256)
        return repeated

    return verdict_on(reply_of(result), asked_width=width, asked_height=height, is_repeated=is_repeated)


class Reason(Enum):
    STOP = "STOP"
    IMAGE_SAFETY = "IMAGE_SAFETY"
    NO_IMAGE = "NO_IMAGE"


class FileOutput:
    """As replicate's: reading or iterating it is a download."""

    def __init__(self, url: str) -> None:
        self.url = url

    def read(self) -> bytes:
        raise AssertionError("read")

    def __iter__(self) -> Iterator[bytes]:
        raise AssertionError("iterated")


def text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def google(*parts: Any, reason: Reason = Reason.STOP) -> Object:
    content = Object(parts=list(parts) or None)
    return Object(
        candidates=[Object(content=content, finish_reason=reason)],
        prompt_feedback=None,
        response_id="r-1",
        model_version="gemini-image-2",
        usage_metadata=Object(prompt_token_count=7, candidates_token_count=1290),
    )


def successes(picture: Pictures) -> dict[str, tuple[object, int]]:
    png, jpeg = picture("PNG"), picture("JPEG", seed=1)
    return {
        "bytes": (png, 1),
        "bytearray": (bytearray(png), 1),
        "memoryview": (memoryview(png), 1),
        "BytesIO": (io.BytesIO(png), 1),
        "data URL": (f"data:image/png;base64,{text(png)}", 1),
        "base64": (text(png), 1),
        "web URL": ("https://example.org/1.png", 1),
        "list": ([png, jpeg], 2),
        "tuple": ((png, "https://example.org/1.png"), 2),
        "dict": ({"front": png, "back": jpeg}, 2),
        "dict of URLs": ({"cover_url": "https://e.org/1.png", "status_url": "https://e.org/s"}, 1),
        "PIL": (Pillow.open(io.BytesIO(png)), 1),
        "PIL drawn": (Pillow.new("RGB", (64, 48)), 1),
        "path": (Path("out.png"), 1),
        "openai b64": (Object(data=[Object(b64_json=text(png), url=None, revised_prompt="a cat")]), 1),
        "openai url": (
            Object(data=[Object(b64_json=None, url="https://e.org/1"), Object(url="https://e.org/2")]),
            2,
        ),
        "google content": (
            google(Object(text="Here", inline_data=None), Object(inline_data=Object(data=png))),
            1,
        ),
        "google REST": (
            {"candidates": [{"content": {"parts": [{"inlineData": {"data": text(png)}}]}}]},
            1,
        ),
        "google imagen": (
            Object(generated_images=[Object(image=Object(image_bytes=png), rai_filtered_reason=None)]),
            1,
        ),
        "vertex": ({"predictions": [{"bytesBase64Encoded": text(png), "mimeType": "image/png"}]}, 1),
        "fal": (
            {"images": [{"url": "https://fal.media/1", "width": 64}], "has_nsfw_concepts": [False]},
            1,
        ),
        "replicate": ([FileOutput("https://e.org/1"), FileOutput("https://e.org/2")], 2),
        "replicate prediction": (
            Object(id="p", input={"image": "https://e.org/in"}, output=["https://e.org/out"]),
            1,
        ),
        "diffusers": (
            Object(images=[Pillow.new("RGB", (64, 48))], nsfw_content_detected=[False]),
            1,
        ),
        "stability": ({"artifacts": [{"base64": text(png), "finishReason": "SUCCESS", "seed": 3}]}, 1),
        "bedrock": ({"images": [text(png)], "finish_reasons": [None]}, 1),
        "requests": (Object(status_code=200, url="https://e.org/api", _content=png), 1),
    }


SUCCESSES = (
    """
bytes|bytearray|memoryview|BytesIO|data URL|base64|web URL|list|tuple|dict|dict of URLs|PIL|PIL drawn|path
openai b64|openai url|google content|google REST|google imagen|vertex|fal|replicate|replicate prediction
diffusers|stability|bedrock|requests
""".strip()
    .replace("\n", "|")
    .split("|")
)


@pytest.mark.parametrize("shape", SUCCESSES)
def test_a_picture_is_found_in_every_shape(shape: str, picture: Pictures) -> None:
    shapes = successes(picture)
    result, count = shapes[shape]

    assert verdict_of(result).outcome == "ok"
    assert len(reply_of(result).images) == count
    assert set(shapes) == set(SUCCESSES)


FAILURES: dict[str, tuple[object, str]] = {
    "nothing": (None, "no_image"),
    "empty bytes": (b"", "no_image"),
    "empty list": ([], "no_image"),
    "words": ("I cannot draw that.", "no_image"),
    "HTML": (b"<!doctype html><html>Sign in</html>", "corrupt"),
    "openai empty": (Object(data=[]), "no_image"),
    "openai none": (Object(data=None, created=1), "no_image"),
    "google text": (google(Object(text="Here is a description", inline_data=None)), "no_image"),
    "google refused": (google(reason=Reason.IMAGE_SAFETY), "refused"),
    "google none": (google(reason=Reason.NO_IMAGE), "no_image"),
    "google blocked": (
        Object(candidates=None, prompt_feedback=Object(block_reason=Reason.IMAGE_SAFETY)),
        "refused",
    ),
    "imagen none": (Object(generated_images=None), "no_image"),
    "imagen filtered": (
        Object(generated_images=[Object(image=None, rai_filtered_reason="Unsafe content. Support codes: 1")]),
        "refused",
    ),
    "fal nsfw": ({"images": [{"url": "https://fal.media/1"}], "has_nsfw_concepts": [True]}, "refused"),
    "fal detail": ({"detail": "queued", "status_url": "https://fal.run/s"}, "no_image"),
    "diffusers nsfw": (
        Object(images=[Pillow.new("RGB", (64, 48))], nsfw_content_detected=[True]),
        "refused",
    ),
    "stability filtered": (
        {"artifacts": [{"base64": "", "finishReason": "CONTENT_FILTERED"}]},
        "refused",
    ),
    "bedrock filtered": ({"images": [], "finish_reasons": ["Filter reason: prompt"]}, "refused"),
    "replicate failed": (
        Object(status="failed", output=None, input={"image": "https://e.org/in.png"}, error="boom"),
        "no_image",
    ),
    "xai refused": ({"url": "https://x.ai/1.png", "respect_moderation": False}, "refused"),
}


@pytest.mark.parametrize("shape", FAILURES)
def test_a_return_without_a_picture_is_no_success(shape: str) -> None:
    result, outcome = FAILURES[shape]

    verdict = verdict_of(result)

    assert verdict.outcome == outcome
    assert verdict.message


def test_a_truncated_picture_is_corrupt_though_pil_opened_it(picture: Pictures) -> None:
    assert verdict_of(Pillow.open(io.BytesIO(picture("PNG")[:-20]))).outcome == "corrupt"


def test_one_good_picture_among_bad_ones_is_enough(picture: Pictures) -> None:
    assert verdict_of([picture()[:-20], picture()]).outcome == "ok"


def test_other_measures_than_asked_are_a_mismatch(picture: Pictures) -> None:
    assert verdict_of(picture(), width=64, height=48).outcome == "ok"
    assert verdict_of(picture(), width=1024, height=1024).outcome == "mismatch"


def test_the_same_picture_twice_is_a_duplicate(picture: Pictures) -> None:
    assert verdict_of([picture(), picture()]).outcome == "duplicate"
    assert verdict_of([picture(), picture(seed=1)]).outcome == "ok"


def test_a_lazily_opened_picture_stays_lazy(picture: Pictures) -> None:
    buffer = io.BytesIO(picture())
    opened = Pillow.open(buffer)
    position = buffer.tell()

    [image] = reply_of(opened).images

    assert image.size_bytes == len(picture())
    assert opened.fp is buffer
    assert buffer.tell() == position
    opened.load()


def test_a_one_shot_iterator_is_left_alone(picture: Pictures) -> None:
    items = iter([picture()])

    assert reply_of(items).images == []
    assert next(items) == picture()


def test_partial_pictures_of_a_stream_are_counted_apart(picture: Pictures) -> None:
    reply = Reply()
    for kind in (
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ):
        reply.read(Object(type=kind, b64_json=text(picture())))

    assert (reply.partial_images, len(reply.images)) == (2, 1)


def test_facts_beside_the_pictures_are_kept(picture: Pictures) -> None:
    reply = reply_of(google(Object(inline_data=Object(data=picture(), mime_type="image/png"))))

    assert (reply.response_id, reply.response_model) == ("r-1", "gemini-image-2")
    assert (reply.input_tokens, reply.output_tokens) == (7, 1290)
    assert reply.finish_reasons == ["STOP"]


def test_what_is_thought_or_spoken_is_no_picture(picture: Pictures) -> None:
    draft = Object(thought=True, inline_data=Object(data=picture(seed=1), mime_type="image/png"))
    sound = Object(inline_data=Object(data=b"RIFF", mime_type="audio/wav"))
    reply = reply_of(google(draft, sound, Object(inline_data=Object(data=picture(), mime_type="image/png"))))

    assert (reply.partial_images, len(reply.images)) == (1, 1)


def test_tokens_are_told_apart_by_modality() -> None:
    google_usage = {
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 2,
        "candidatesTokensDetails": [
            {"modality": "IMAGE", "tokenCount": 4},
            {"modality": "VIDEO", "tokenCount": 1},
        ],
    }
    openai_usage = {"input_tokens": 3, "input_tokens_details": {"image_tokens": 1, "text_tokens": 2}}

    assert reply_of({"usageMetadata": google_usage}).output_tokens == 7
    assert reply_of({"usageMetadata": google_usage}).modality_tokens == {
        "gen_ai.usage.image.output_tokens": 4
    }
    assert reply_of({"usage": openai_usage}).modality_tokens == {
        "gen_ai.usage.image.input_tokens": 1,
        "gen_ai.usage.text.input_tokens": 2,
    }


def test_tokens_of_several_calls_add_up_by_modality() -> None:
    usage = {"input_tokens_details": {"text_tokens": 2}}
    reply = reply_of({"usage": usage})

    reply.add(reply_of({"usage": usage}))

    assert reply.modality_tokens == {"gen_ai.usage.text.input_tokens": 4}


@dataclass
class Own:
    """A result of somebody's own making."""

    name: str
    picture: bytes


def test_pictures_are_found_in_objects_nobody_has_heard_of(picture: Pictures) -> None:
    assert verdict_of(Own("cat", picture())).outcome == "ok"


class Trap:
    """Whatever is not a field raises."""

    def __init__(self) -> None:
        self.label = "trap"

    @property
    def text(self) -> str:
        raise AssertionError("property")

    @property
    def content(self) -> bytes:
        raise AssertionError("property")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def test_no_property_is_touched() -> None:
    assert reply_of(Trap()).images == []


@given(VALUES)
def test_no_value_breaks_the_reader(value: object) -> None:
    verdict_of(value)
    verdict_of({"images": value, "data": [value], "candidates": value, "url": value})
