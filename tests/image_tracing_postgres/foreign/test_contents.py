"""What must not be kept of foreign spans: pictures, secrets, and contents that are switched off."""

import base64
import json
from time import thread_time
from typing import Any

import pytest
from opentelemetry.sdk.trace import Event

from image_tracing_postgres import Store, rows_from
from image_tracing_postgres.spool import payload_of, span_from

from .conftest import Foreign

_LARGE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(5_000_000)).decode()
_KEY = "sk-proj-" + "a1B2" * 10
IMAGE: dict[str, Any] = {"gen_ai.output.type": "image", "gen_ai.request.model": "flux"}


@pytest.mark.parametrize(
    "attributes",
    [
        {"output.images.0.image.url": f"data:image/png;base64,{_LARGE}"},
        {"image.url": _LARGE},
        {"gen_ai.response.image": (_LARGE,)},
        {"gen_ai.response.0.image.respect_moderation": True, "gen_ai.response.0.image.base64": _LARGE},
        {"output.value": json.dumps({"data": [{"b64_json": _LARGE}]})},
        {"output.value": _LARGE},
        {"response_data": json.dumps({"images": [{"b64_json": _LARGE}]})},
        {"gen_ai.completion.0.content": f"data:image/png;base64,{_LARGE}"},
    ],
    ids=lambda attributes: next(iter(attributes)),
)
def test_a_large_picture_is_measured_and_dropped(foreign: Foreign, attributes: dict[str, Any]) -> None:
    payload = payload_of(foreign({**IMAGE, **attributes}), is_trusted=True)

    assert payload is not None
    assert len(payload) < 2_000
    [(_, attempt)] = rows_from([span_from(payload)]).attempts
    assert attempt.size_bytes == 5_000_008


@pytest.mark.parametrize("mark", ["__REDACTED__", f"data:image/png;base64,{_LARGE}"])
def test_a_picture_that_is_told_twice_is_one(foreign: Foreign, mark: str) -> None:
    reply = {"data": [{"b64_json": _LARGE, "revised_prompt": "A fox"}]}
    told = {"output.images.0.image.url": mark, "output.value": json.dumps(reply)}

    [(_, attempt)] = rows_from([foreign({**IMAGE, **told})]).attempts
    assert (attempt.size_bytes, len(json.loads(attempt.images or ""))) == (5_000_008, 1)
    assert json.loads(attempt.extras or "") == {"revised_prompt": "A fox"}


@pytest.mark.parametrize(
    "key", ["gen_ai.prompt", "input.value", "prompt", "gen_ai.request.image.reference", "error.message"]
)
def test_a_picture_in_the_wrong_place_is_not_kept(foreign: Foreign, key: str) -> None:
    span = foreign({**IMAGE, key: f"data:image/png;base64,{_LARGE}"}, failed="x")

    for payload in (payload_of(span, is_trusted=True), payload_of(span, is_trusted=False)):
        assert payload is not None
        assert len(payload) < 2_000


_BODY = base64.b64encode(bytes(range(256)) * 300).decode()
_TEXTS = {
    "words": f"look at {_BODY} here",
    "json": json.dumps({"prompt": "a fox", "images": [_BODY]}),
    "json within json": json.dumps({"a": json.dumps({"b": _BODY})}),
    "lines": "\n".join(_BODY[at : at + 76] for at in range(0, len(_BODY), 76)),
    "escaped lines": json.dumps("\r\n".join(_BODY[at : at + 64] for at in range(0, len(_BODY), 64))),
    "escaped slashes": json.dumps({"image": _BODY}).replace("/", "\\/"),
    "base64 for addresses": _BODY.replace("+", "-").replace("/", "_"),
    "hexadecimal": bytes(range(256)).hex() * 300,
}


@pytest.mark.parametrize(
    "key",
    [
        "ai.prompt", "error.message", "gen_ai.prompt.0.content", "gen_ai.provider.name",
        "gen_ai.request.image.mask", "gen_ai.response.id", "gen_ai.response.revised_prompt", "input.value",
        "llm.invocation_parameters", "request_data", "session.id",
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", _TEXTS.values(), ids=_TEXTS)
def test_a_picture_in_the_midst_of_a_text_is_not_kept(foreign: Foreign, key: str, text: str) -> None:
    failed = "x" if key == "error.message" else None
    payload = payload_of(foreign({**IMAGE, key: text}, failed=failed), is_trusted=True)

    assert payload is not None
    assert len(payload) < 1_000


@pytest.mark.parametrize(
    "text",
    [
        "a red fox in the snow " * 1_000,
        "https://x.example/" + "a1/" * 60,
        "f" * 128,
        "狐" * 5_000,
        "fox\n" * 500,
    ],
    ids=["prose", "address", "hash", "without blanks", "lines"],
)
def test_a_long_text_that_is_no_picture_is_kept(foreign: Foreign, text: str) -> None:
    [(_, attempt)] = rows_from([foreign({**IMAGE, "gen_ai.prompt": text})]).attempts

    assert attempt.prompt == text


@pytest.mark.parametrize(
    "text",
    ["\\" * 65_000, "\\n" * 30_000, "a" * 29 + "\\/" * 30_000, ("a" * 61 + "\n" * 9) * 900],
    ids=["backslashes", "line ends", "slashes", "lines"],
)
def test_no_text_takes_long_to_look_through(foreign: Foreign, text: str) -> None:
    began = thread_time()
    payload_of(foreign({**IMAGE, "gen_ai.prompt": text}), is_trusted=True)

    # Some 20 ms; what grows with the square takes a minute.
    assert thread_time() - began < 5


def test_what_was_tried_in_vain_before_a_success_is_not_kept(
    foreign: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_CAPTURE_CONTENT", "false")
    tried = Event("exception", {"exception.message": "the secret fox was too slow"})

    assert b"secret" not in (payload_of(foreign(IMAGE, events=[tried]), is_trusted=True) or b"")


@pytest.mark.parametrize("depth", [50, 400, 900])
def test_json_of_any_depth_is_read(foreign: Foreign, depth: int) -> None:
    deep = '{"data":[' * depth + "1" + "]}" * depth
    rows = rows_from([foreign({**IMAGE, **dict.fromkeys(KEYS, deep)})])

    assert (len(rows.attempts), rows.unread) == (1, [])


def test_a_picture_in_the_request_is_not_kept(foreign: Foreign) -> None:
    request = json.dumps({"prompt": "a fox", "image": f"data:image/png;base64,{_LARGE}", "n": 2})
    payload = payload_of(foreign({**IMAGE, "llm.invocation_parameters": request}), is_trusted=True)

    [(_, attempt)] = rows_from([span_from(payload or b"")]).attempts
    options = json.loads(attempt.options or "{}")
    # Counted from the length of the text, padding included.
    assert options == {"image": "<data URL image/png: 5000010 bytes>", "n": 2}


@pytest.mark.parametrize("by_spool", [True, False])
def test_secrets_are_not_stored(store: Store, foreign: Foreign, by_spool: bool) -> None:
    span = foreign(
        {
            **IMAGE,
            "gen_ai.prompt": f"a fox {_KEY}",
            "llm.invocation_parameters": json.dumps({"api_key": "12345678", "user": _KEY}),
            "gen_ai.response.id": _KEY,
        },
        failed=f"Incorrect API key provided: {_KEY}",
    )
    store.save(rows_from([span_from(payload_of(span, is_trusted=True) or b"") if by_spool else span]))

    document = "".join(store.iter_json())
    assert _KEY not in document
    assert "12345678" not in document


@pytest.mark.parametrize("by_spool", [True, False])
def test_contents_that_are_switched_off_are_not_kept(
    store: Store, foreign: Foreign, monkeypatch: pytest.MonkeyPatch, by_spool: bool
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_CAPTURE_CONTENT", "false")
    span = foreign(
        {
            **IMAGE,
            "gen_ai.prompt": "a secret fox",
            "image.url": "https://x.example/secret.png",
            "gen_ai.request.image.style": "secret",
            "gen_ai.request.image.width": 512,
            "gen_ai.response.revised_prompt": "secret",
        },
        failed="the secret fox was refused by the content policy",
    )
    payload = payload_of(span, is_trusted=True) or b""
    store.save(rows_from([span_from(payload) if by_spool else span]))

    [attempt] = store.attempts()
    assert (attempt.prompt, attempt.error_class, attempt.model) == (None, "refused", "flux")
    assert attempt.request["options"]["width"] == 512
    assert b"secret" not in payload
    assert "secret" not in "".join(store.iter_json())


def test_spans_that_have_nothing_to_do_with_models_cost_next_to_nothing(foreign: Foreign) -> None:
    span = foreign({f"http.attribute.{number}": "value" for number in range(30)}, name="GET /")
    payload_of(span, is_trusted=True)

    began = thread_time()
    for _ in range(1_000):
        payload_of(span, is_trusted=True)
    # Some 3 µs each, of this thread's own time, which a busy machine does not lengthen by much.
    assert thread_time() - began < 0.05


HOSTILE: list[Any] = [
    "a\0b", "\ud800", '{"cut', "[" * 5_000, '{"a": NaN}', "", 5, 2**200, float("nan"), True, b"\xff",
    ("a", "b"), (), (1, 2), "[[]]", '[{"parts": 5}]', '[{"parts": [{"type": "blob", "modality": "image"}]}]',
    '{"data": [{"b64_json": "%%%"}]}', "data:,", "data:image/png;base64,", {"a": {"b": 1}},
]  # fmt: skip
KEYS = (
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.prompt", "gen_ai.request.choice.count",
    "gen_ai.request.image.size", "gen_ai.request.model", "gen_ai.response.0.image.respect_moderation",
    "gen_ai.response.0.image.url", "gen_ai.response.finish_reasons", "gen_ai.response.image",
    "gen_ai.response.image.count", "gen_ai.system", "gen_ai.usage.cost_in_usd_ticks",
    "gen_ai.usage.input_tokens", "image.url", "image_count", "image_generation.images", "input.value",
    "llm.invocation_parameters", "llm.output_messages.0.message.content", "output.images.0.image.url",
    "output.value", "operation.cost", "session.id",
)  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_any_value_of_any_attribute_is_stored_and_read_back(
    store: Store, foreign: Foreign, value: Any
) -> None:
    spans = [foreign({**IMAGE, key: value}, span_id=number) for number, key in enumerate(KEYS, start=1)]
    spans.append(foreign({**dict.fromkeys(KEYS, value), **IMAGE}, span_id=0xFFF, failed="x"))
    rows = rows_from(spans)
    store.save(rows)

    assert (rows.unread, len(store.attempts())) == ([], len(spans))
    for span in spans:
        assert rows_from([span_from(payload_of(span, is_trusted=False) or b"")]).readable == 1
