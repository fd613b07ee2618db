"""Which models of a host of all kinds of models make pictures, by their names: `fal-ai/flux/dev` does.

Hosts tell the kind of a model nowhere in a call. A name that says nothing counts as one that does: most of
them are those of models for pictures, and a call too many is seen, a call too few is not.
"""

import re
from typing import Final

_TO_IMAGE: Final = re.compile(r"(to|2)-?(image|img|picture|sketch|svg|vector)")
_TO_OTHER: Final = re.compile(r"(to|2)-?(video|audio|speech|text|voice|music|sfx|3d|sound|gif|lipsync)")
# What else a model may make or do.
_OTHERS: Final = re.compile(
    r"3d|audio|avatar|caption|chat|clone|depth|detect|embed|instruct|interrogat|lipsync|llm|mesh|moderat"
    r"|music|ocr\b|song|sound|speech|\bstt\b|train|transcri|tts|video|vision|vlm|voice|whisper"
)
# Families whose names do not say that they make films, sounds or words.
_FAMILIES: Final = re.compile(
    r"ace-step|animatediff|bark|blip|chatterbox|claude|codellama|deepseek|demucs|dia\b|dream-machine"
    r"|elevenlabs|florence|framepack|gemini|gemma|gpt-|granite|hailuo|kimi|kling|kokoro|llama|llava|ltx|lyria"
    r"|magi\b|mistral|mixtral|mochi|moondream|omnihuman|orpheus|\bphi-|pika|pixverse|qwen|\bray-?\d|riffusion"
    r"|runway|seedance|sora|trellis|tripo|veo|vidu|wan\b|wan-"
)


def makes_pictures(model: object) -> bool:
    """Whether a model of this name is one for pictures, as far as its name tells."""
    if not isinstance(model, str):
        return True
    name = model.lower().replace("_", "-")
    if _TO_IMAGE.search(name):
        return True
    if _TO_OTHER.search(name) or _OTHERS.search(name):
        return False
    # gemini-2.5-flash-image, qwen-image, wan-2.2-image.
    return "image" in name or _FAMILIES.search(name) is None
