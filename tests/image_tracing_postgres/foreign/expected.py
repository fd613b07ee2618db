"""The rows that the programs of `emitters/` have to end as, an attempt a line, in the order of starts."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from image_tracing_postgres import Attempt

PROMPT: Final = "a red fox in the snow"
REFUSED: Final = "a prompt that is refused"
SAFETY: Final = "Your request was rejected by the safety system."
PNG: Final = ("image/png", 64, 48, 233, None)
UNKNOWN: Final = (None, None, None, None, None)
ADDRESS: Final = (None, None, None, None, "https://images.example/fox.png")
LOW: Final = {"size": "64x48", "quality": "low"}
OpenAI: Final = "openai"


class Row(NamedTuple):
    """`images` are (type, width, height, bytes, URL) each; `error` is a part of the message."""

    model: str
    provider: str | None
    prompt: str | None
    outcome: str = "ok"
    error_class: str | None = None
    error: str | None = None
    images: tuple[tuple[Any, ...], ...] = ()
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


def _openai(
    *,
    first: Row,
    prompt: str | None = PROMPT,
    second: tuple[Any, ...] = (),
    prefix: str = "",
    options: dict[str, Any] | None = None,
    refused: str | None = REFUSED,
) -> list[Row]:
    """A picture in base64, one by its address, and a refusal, each by another model or prompt."""
    return [
        first,
        Row(f"{prefix}dall-e-3", OpenAI, prompt, images=second, options=options or {}),
        Row(f"{prefix}gpt-image-2", OpenAI, refused, "error", "refused", SAFETY),
    ]


ROWS: Final[dict[str, list[Row]]] = {
    "agentops_openai": _openai(first=Row("gpt-image-2", OpenAI, PROMPT, options={"n": 1, **LOW})),
    "genai_google": [
        Row("gemini-3-flash-image", "gcp.gemini", PROMPT, images=(PNG,), options={"seed": 7}),
        Row(
            "gemini-3-flash-image", "gcp.gemini", REFUSED, "refused", "refused", "image_safety",
            options={"seed": 7},
        ),
    ],
    "litellm_otel": _openai(
        first=Row("gpt-image-2", OpenAI, PROMPT, images=((None, None, None, 233, None),)), second=(ADDRESS,)
    ),
    "logfire_openai": _openai(first=Row("gpt-image-2", OpenAI, None), prompt=None, refused=None),
    "openinference_google": [
        Row("gemini-3-flash-image", "gcp.gemini", PROMPT, images=(PNG,), options={"seed": 7}),
        Row(
            "gemini-3-flash-image", "gcp.gemini", REFUSED, "refused", "refused", "IMAGE_SAFETY",
            options={"seed": 7},
        ),
    ],
    "openinference_litellm": _openai(
        first=Row("openai/gpt-image-2", OpenAI, PROMPT, images=(PNG,)), second=(ADDRESS,), prefix="openai/"
    ),
    "openinference_nested": [Row("openai/gpt-image-2", OpenAI, PROMPT, images=(PNG,))],
    "openinference_openai": _openai(
        first=Row("gpt-image-2", OpenAI, PROMPT, images=(PNG,), options={"n": 1, **LOW}), second=(ADDRESS,)
    ),
    "openlit_openai": _openai(
        first=Row(
            "gpt-image-2", OpenAI, PROMPT, images=(UNKNOWN,), options={"size": "1024x1024", "quality": "low"}
        ),
        second=(ADDRESS,),
        # Its own guesses: nothing of the kind was asked for.
        options={"size": "1024x1024", "quality": "standard"},
        refused=None,
    ),
    # Of pictures it has metrics only.
    "openllmetry_openai": [],
    "openllmetry_replicate": [
        Row(
            "black-forest-labs/flux-schnell", "replicate", PROMPT,
            images=((None, None, None, None, "https://replicate.delivery/fox.webp"),),
        )
    ],
    "pydantic_ai_openai": [
        Row("gpt-image-2", OpenAI, PROMPT, images=(("image/png", None, None, None, None),)),
        Row("gpt-image-2", OpenAI, REFUSED, "error", "refused", SAFETY),
    ],
    "xai": [
        Row(
            "grok-imagine-image", "x_ai", PROMPT,
            images=((None, None, None, None, "https://images.example/fox.jpg"),),
            options={"n": 1, "format": "url", "aspect_ratio": "16:9", "quality": "low"},
        ),
        Row("grok-imagine-image", "x_ai", PROMPT, images=(PNG, PNG), options={"n": 2, "format": "base64"}),
        Row(
            "grok-imagine-image", "x_ai", REFUSED, "refused", "refused", "safety filter", images=(UNKNOWN,),
            options={"n": 1, "format": "url"},
        ),
        Row(
            "grok-imagine-image", "x_ai", "overload", "error", "rate_limited", "RESOURCE_EXHAUSTED",
            options={"n": 1, "format": "url"},
        ),
    ],
}  # fmt: skip


def rows_of(attempts: Iterable[Attempt], expected: list[Row]) -> list[Row]:
    """The attempts as such lines; of an error message the part that is expected, if it has it."""
    found = []
    for number, attempt in enumerate(sorted(attempts, key=lambda each: each.started_at)):
        wanted = expected[number].error if number < len(expected) else None
        images = tuple(
            (image.mime_type, image.width, image.height, image.size_bytes, image.url)
            for image in attempt.images
        )
        found.append(
            Row(
                str(attempt.model),
                attempt.provider,
                attempt.prompt,
                attempt.outcome,
                attempt.error_class,
                wanted if wanted and wanted in str(attempt.error) else attempt.error,
                images,
                attempt.request["options"],
            )
        )
    return found
