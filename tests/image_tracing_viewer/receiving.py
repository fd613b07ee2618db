"""What the tests of the receiver share: senders, and conditions waited for."""

import base64
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from starlette.testclient import TestClient

PATH = "/v1/traces"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Encoding": "gzip"}
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})


def eventually(condition: Callable[[], bool], *, seconds: float = 15) -> bool:
    """Whether the condition came true within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def otlp_json(spans: Sequence[ReadableSpan]) -> bytes:
    """The request as an exporter for OTLP's JSON writes it: protobuf's JSON, but ids in hexadecimal."""
    return json.dumps(_with_hex_ids(MessageToDict(encode_spans(spans), use_integers_for_enums=True))).encode()


def otlp_protobuf(spans: Sequence[ReadableSpan]) -> bytes:
    """The request as an exporter for OTLP's protobuf writes it."""
    return encode_spans(spans).SerializeToString()


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(item).hex() if key in _IDS else _with_hex_ids(item)
        for key, item in value.items()
    }


def told(response: Any) -> str:
    """What an error's answer says, which is a google.rpc.Status in the encoding of the request."""
    if response.headers["content-type"] == PROTOBUF["Content-Type"]:
        message: str = Status.FromString(response.content).message
        return message
    found: dict[str, Any] = response.json()
    assert found["message"] == found["error"]["message"]
    return str(found["message"])


def send(
    client: TestClient, body: bytes, headers: dict[str, str] = PROTOBUF, *, is_gzip: bool = False
) -> Any:
    """The answer to one request."""
    if is_gzip:
        body, headers = gzip.compress(body), {**headers, **GZIP}
    return client.post(PATH, content=body, headers=headers)


@contextmanager
def serving_process(dsn: str, data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`image-tracing serve` as a process of its own, and its address."""
    command = [sys.executable, "-m", "image_tracing_viewer", "serve", "--port", "0", "--database-url", dsn]
    environment = {**os.environ, "IMAGE_TRACING_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            told = process.stdout.readline()
            yield process, told.split()[1].removesuffix("/traceImage")
        finally:
            process.kill()
