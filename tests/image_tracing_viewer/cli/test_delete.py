"""`image-tracing delete`."""

import uuid
from typing import Any

from image_tracing_postgres.store import Store

from .conftest import Command


def test_one_trace_goes_and_the_others_stay(rows: Any, store: Store, command: Command) -> None:
    gone, kept = rows.add(), rows.add()

    shown = command("delete", str(gone), "--yes")

    assert shown.stdout == "deleted 1\n"
    assert [trace.id for trace in store.list()] == [kept]


def test_nothing_goes_without_a_yes(rows: Any, store: Store, command: Command) -> None:
    id_ = rows.add()

    shown = command("delete", str(id_), answer="n\n")

    assert shown.exit_code == 1
    assert store.get(id_) is not None


def test_a_yes_is_enough(rows: Any, store: Store, command: Command) -> None:
    rows.add()

    assert command("delete", "--all", answer="y\n").exit_code == 0
    assert store.list() == []


def test_an_absent_id_is_told_after_the_others_went(rows: Any, store: Store, command: Command) -> None:
    id_, absent = rows.add(), uuid.uuid4()

    shown = command("delete", str(absent), str(id_), "--yes")

    assert shown.exit_code == 4
    assert str(absent) in shown.stderr
    assert store.list() == []


def test_ids_and_all_exclude_each_other(rows: Any, command: Command) -> None:
    id_ = rows.add()

    assert command("delete", str(id_), "--all", "--yes").exit_code == 2
    assert command("delete").exit_code == 2
