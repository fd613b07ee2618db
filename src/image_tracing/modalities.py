"""How many of an attempt's tokens were text, pictures and sound, as Google and OpenAI tell it."""

from typing import Final

from image_tracing import attributes as names
from image_tracing.fields import AnyFields, Fields, count_of, first, name_of

_INPUT: Final = {
    "audio": names.USAGE_AUDIO_INPUT_TOKENS,
    "image": names.USAGE_IMAGE_INPUT_TOKENS,
    "text": names.USAGE_TEXT_INPUT_TOKENS,
}
_OUTPUT: Final = {
    "audio": names.USAGE_AUDIO_OUTPUT_TOKENS,
    "image": names.USAGE_IMAGE_OUTPUT_TOKENS,
    "text": names.USAGE_TEXT_OUTPUT_TOKENS,
}
_DETAILS: Final = (
    (("input_tokens_details", "prompt_tokens_details", "promptTokensDetails"), _INPUT),
    (("output_tokens_details", "candidates_tokens_details", "candidatesTokensDetails"), _OUTPUT),
)


def modality_tokens(usage: AnyFields) -> dict[str, int]:
    """Attribute name to count; empty where the usage tells only sums."""
    counts: dict[str, int] = {}
    for called, known in _DETAILS:
        details = first(usage, called)
        if isinstance(details, (list, tuple)):
            _add_list(details, known, counts)
        elif details is not None:
            fields = Fields.of(details)
            for modality, name in known.items():
                _add(name, fields.get(f"{modality}_tokens"), counts)
    return counts


def _add_list(
    details: list[object] | tuple[object, ...], known: dict[str, str], counts: dict[str, int]
) -> None:
    """Google's: one entry a modality."""
    for detail in details[:20]:
        fields = Fields.of(detail)
        name = known.get((name_of(fields.get("modality")) or "").lower())
        if name is not None:
            _add(name, first(fields, ("token_count", "tokenCount")), counts)


def _add(name: str, value: object, counts: dict[str, int]) -> None:
    count = count_of(value)
    if count is not None:
        counts[name] = counts.get(name, 0) + count
