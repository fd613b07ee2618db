"""The app stores what dead processes left, and is never harmed by it."""

import fcntl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from tests.image_tracing_viewer.conftest import Leftovers, client_of

from image_tracing_postgres.spool.folder import segments_in
from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app


def comes_true(claim: Callable[[], bool], *, seconds: float = 10) -> bool:
    """Whether it does within so many seconds."""
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_free(path: Path) -> bool:
    """Whether nobody holds a segment, so that anybody may adopt it."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_what_a_dead_process_left_comes_to_the_page(store: Store, leftovers: Leftovers) -> None:
    leftovers.add("lesson-left-behind")

    with client_of(create_app(store, token="")) as client:
        assert comes_true(lambda: "lesson-left-behind" in client.get("/traceImage").text)


def test_a_role_that_may_only_read_harms_nothing(
    database: str, leftovers: Leftovers, caplog: pytest.LogCaptureFixture
) -> None:
    read_only = make_conninfo(database, options="-c default_transaction_read_only=on")
    leftovers.add("lesson-left-behind")

    with Store(read_only) as store, client_of(create_app(store, token="")) as client:
        assert comes_true(lambda: "spans wait in" in caplog.text)
        assert client.get("/traceImage").status_code == 200
        [path] = segments_in(leftovers.folder)
        assert comes_true(lambda: is_free(path))
    assert len(caplog.records) == 1


def test_an_end_of_the_app_is_not_held_up_by_a_database_that_is_away(
    absent_store: Store, leftovers: Leftovers
) -> None:
    began = time.monotonic()

    with client_of(create_app(absent_store, token="")) as client:
        assert client.get("/healthz").status_code == 200

    assert time.monotonic() - began < 5


def test_a_setting_that_cannot_be_used_does_not_keep_the_app_from_starting(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(store, token="", ingest_token="")
    monkeypatch.setenv("IMAGE_TRACING_ALERT_INTERVAL", "soon")

    with client_of(app) as client:
        assert client.get("/healthz").status_code == 200

    assert "IMAGE_TRACING_ALERT_INTERVAL" in caplog.text
