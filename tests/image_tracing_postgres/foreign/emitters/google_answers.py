"""What Google's API would say."""

from typing import Any

from recording import PICTURE, REFUSED
from tests.image_tracing.instrumentors.servers import Answer, Request, json_answer

MODEL = "gemini-3-flash-image"


def answer(request: Request) -> Answer:
    """A picture with a word beside it, or a candidate without either."""
    reply: dict[str, Any] = {"modelVersion": MODEL, "responseId": "r1"}
    if REFUSED.encode() in request.body:
        usage = {"promptTokenCount": 7, "totalTokenCount": 7}
        return json_answer(
            {**reply, "candidates": [{"finishReason": "IMAGE_SAFETY", "index": 0}], "usageMetadata": usage}
        )
    parts = [{"text": "Here is your fox"}, {"inlineData": {"mimeType": "image/png", "data": PICTURE}}]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 1290, "totalTokenCount": 1297}
    return json_answer({**reply, "candidates": [candidate], "usageMetadata": usage})
