"""OpenLLMetry (Traceloop) over the replicate client: pictures and, beside them, a text."""

import json
import os

import replicate
from opentelemetry.instrumentation.replicate import ReplicateInstrumentor
from recording import PROMPT, REFUSED, Recording
from tests.image_tracing.instrumentors.servers import Answer, Request, json_answer

recording = Recording()


def answer(request: Request) -> Answer:
    """A prediction that is over at once."""
    given = json.loads(request.body or b"{}").get("input", {})
    prediction = {"id": "p1", "model": "m", "version": "v1", "input": given, "logs": "", "urls": {}}
    if given.get("prompt") == REFUSED:
        return json_answer({**prediction, "status": "failed", "error": "NSFW content detected"})
    output = ["Once", "upon"] if "llama" in request.path else ["https://replicate.delivery/fox.webp"]
    return json_answer({**prediction, "status": "succeeded", "output": output})


recording.api.answer(answer)
os.environ["REPLICATE_API_TOKEN"] = "r8_test"
replicate.default_client._base_url = recording.api.url
ReplicateInstrumentor().instrument(tracer_provider=recording.provide())
replicate.run("black-forest-labs/flux-schnell", input={"prompt": PROMPT, "aspect_ratio": "1:1"})
replicate.run("meta/llama-3-8b", input={"prompt": "tell a story"})
recording.expect(lambda: replicate.run("black-forest-labs/flux-schnell", input={"prompt": REFUSED}))
recording.tell()
