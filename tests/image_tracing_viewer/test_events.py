import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import anyio
import httpx
import psycopg
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import Rows, serving

from image_tracing_postgres.store import Change, Store
from image_tracing_viewer import create_app
from image_tracing_viewer.events import PENDING_MAX, Subscription

EVENTS = "/api/traceImage/events"


@contextmanager
def _listening(address: str, **headers: str) -> Iterator[Iterator[dict[str, str]]]:
    """The events as dictionaries of their fields, from the moment the server listens to the database."""
    with httpx.stream("GET", address, headers=headers, timeout=10) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = _events(response)
        assert "retry" in next(events)
        yield events


def _events(response: httpx.Response) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


def _data(event: dict[str, str]) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(event["data"])
    return data


def test_a_new_trace_is_told(address: str, rows: Rows) -> None:
    with _listening(address + EVENTS) as events:
        id_ = rows.add(status="started", root_state="started")

        event = next(events)

    assert event["event"] == "trace"
    assert (_data(event)["id"], _data(event)["status"]) == (str(id_), "started")
    assert _data(event)["updated_at"] == event["id"]


def test_a_changed_trace_is_told_again_and_an_unchanged_one_is_not(
    address: str, rows: Rows, database: str
) -> None:
    with _listening(address + EVENTS) as events:
        id_ = rows.add(status="started", root_state="started")
        assert _data(next(events))["status"] == "started"
        with psycopg.connect(database) as connection:
            connection.execute(
                "UPDATE image_traces SET status = 'failed', updated_at = %s WHERE id = %s",
                (datetime.now(UTC), id_),
            )

        assert _data(next(events))["status"] == "failed"
        other = rows.add()
        assert _data(next(events))["id"] == str(other)


def test_a_clock_far_ahead_does_not_hide_what_comes_after(address: str, rows: Rows) -> None:
    with _listening(address + EVENTS) as events:
        ahead = rows.add(updated_at=datetime.now(UTC) + timedelta(days=3650))
        assert _data(next(events))["id"] == str(ahead)
        after = rows.add()

        assert _data(next(events))["id"] == str(after)


def test_many_clients_are_told_even_if_some_do_not_read_or_are_gone(
    address: str, app: Starlette, rows: Rows
) -> None:
    host, port = address.removeprefix("http://").split(":")
    with ExitStack() as stack:
        for _ in range(5):
            silent = stack.enter_context(socket.create_connection((host, int(port))))
            silent.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        gone = socket.create_connection((host, int(port)))
        gone.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        gone.close()
        readers = [stack.enter_context(_listening(address + EVENTS)) for _ in range(10)]
        id_ = rows.add()

        assert [_data(next(reader))["id"] for reader in readers] == [str(id_)] * 10


def test_nobody_is_watched_for_when_all_clients_are_gone(address: str, app: Starlette) -> None:
    watcher = app.state.watcher
    with _listening(address + EVENTS):
        assert watcher.is_watching

    deadline = time.monotonic() + 5
    while watcher.is_watching and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not watcher.is_watching


def test_after_a_reconnection_the_list_is_read_again(address: str) -> None:
    with _listening(address + EVENTS, **{"Last-Event-ID": "2025-10-26T10:30:00Z"}) as events:
        assert next(events)["event"] == "reset"


def test_events_go_on_after_the_database_cut_every_connection(
    address: str, rows: Rows, database: str
) -> None:
    with _listening(address + EVENTS) as events:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        id_ = rows.add()

        event = next(events)
        while event["event"] == "reset":
            event = next(events)
        assert _data(event)["id"] == str(id_)


def test_a_mounted_viewer_tells_too(store: Store, rows: Rows) -> None:
    outer = Starlette(routes=[Mount("/tracing", create_app(store, token=""))])
    with serving(outer) as address, _listening(f"{address}/tracing{EVENTS}") as events:
        id_ = rows.add()

        assert _data(next(events))["id"] == str(id_)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_an_open_stream_does_not_hold_up_the_end_of_the_server(database: str, ending: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    program = (
        "import sys, uvicorn; from image_tracing_viewer import create_app\n"
        "uvicorn.run(create_app(dsn=sys.argv[1], token=''), port=int(sys.argv[2]), log_level='warning')"
    )
    process = subprocess.Popen([sys.executable, "-c", program, database, str(port)], stderr=subprocess.PIPE)
    try:
        _await_answer(f"http://127.0.0.1:{port}/healthz")
        with _listening(f"http://127.0.0.1:{port}{EVENTS}") as events:
            started = time.monotonic()
            process.send_signal(ending)
            assert list(events) == []
            process.wait(10)
    finally:
        process.kill()
        _, complaints = process.communicate()
    assert time.monotonic() - started < 4
    assert complaints == b""


def _await_answer(address: str) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            httpx.get(address)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"{address} does not answer")


def test_events_take_no_parameters(client: TestClient) -> None:
    assert client.get(f"{EVENTS}?status=failed").status_code == 400


def test_a_head_request_opens_no_stream(client: TestClient) -> None:
    assert client.head(EVENTS).status_code == 200


def _change(number: int, status: str = "started") -> Change:
    return Change(id=UUID(int=number), status=status, updated_at=datetime(2025, 10, 26, tzinfo=UTC))  # type: ignore[arg-type]


async def _pending(subscription: Subscription, count: int) -> list[str | None]:
    events = subscription.events()
    await anext(events)
    return [(await anext(events)).event for _ in range(count)]


def test_changes_of_one_trace_collapse_and_too_many_mean_read_again() -> None:
    async def pending() -> tuple[list[str | None], list[str | None]]:
        few, many = Subscription(), Subscription()
        few.add(_change(1))
        few.add(_change(1, "completed"))
        few.add(_change(2))
        for number in range(PENDING_MAX + 1):
            many.add(_change(number))
        return await _pending(few, 2), await _pending(many, 1)

    assert anyio.run(pending) == (["trace", "trace"], ["reset"])
