"""Bringing what waits in a spool into its database from outside of the processes that wrote it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final

import psycopg
from opentelemetry.sdk.trace import ReadableSpan

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.connection import connect
from image_tracing_postgres.failures import translated
from image_tracing_postgres.spool import Drainer, span_from
from image_tracing_postgres.spool.counts import Counts
from image_tracing_postgres.spool.payloads import is_of_ended
from image_tracing_postgres.spool.quarantine import files_in, number_in, record_in
from image_tracing_postgres.writer import WriteError, Writer
from image_tracing_viewer.backlog import Backlog, backlog_of, ends_of, is_readable, is_stored
from image_tracing_viewer.formats import counted

_LOOK_SECONDS: Final = 0.25
_STOP_SECONDS: Final = 0.5
_BATCH: Final = 200
_BATCH_SECONDS: Final = 10.0
_PROBE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Drained:
    """How a drain ended. `problem` says in a sentence why something still waits; None if nothing does."""

    stored: int
    """Spans that this drain stored; living processes store theirs themselves."""
    backlog: Backlog
    quarantined: int
    problem: str | None


def drained(
    folder: Path,
    database_url: str | None,
    *,
    timeout_seconds: float,
    with_quarantined: bool = False,
    is_brief: bool = False,
    tell: Callable[[Backlog, str | None], None] = lambda _backlog, _problem: None,
) -> Drained:
    """Store what the spool in `folder` holds now, that of living processes by waiting for them.

    `database_url` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres; none of them is touched
    when there is nothing to store. `with_quarantined` first tries records again that the database refused.
    `is_brief` leaves living processes alone, and gives up as soon as there is a problem.
    `tell` hears a few times a second what is left, and what keeps it from being stored. Never raises.
    """
    deadline = monotonic() + timeout_seconds
    if not is_readable(folder):
        return Drained(0, Backlog(), 0, f"{folder} belongs to another user; run this as that user")
    ends = ends_of(folder)
    backlog = backlog_of(folder)
    number = number_in(folder)
    if is_brief:
        ends = {}
        is_needless = not backlog.orphans
    else:
        is_needless = not ends and not (with_quarantined and number)
    if is_needless:
        return Drained(0, backlog, number, None)
    drainer = Drainer(folder, database_url)
    problem: str | None = None
    try:
        if with_quarantined:
            problem = _retried(folder, database_url, deadline=deadline, counts=drainer.counts)
        if problem is None and not _waited(drainer, ends, deadline=deadline, is_brief=is_brief, tell=tell):
            problem = drainer.problem or _reason(folder, database_url, timeout_seconds)
    finally:
        drainer.stop(_STOP_SECONDS)
    return Drained(drainer.counts["stored"], backlog_of(folder), number_in(folder), problem)


@contextmanager
def quiet() -> Iterator[None]:
    """Within it the drainer logs no warnings, since the caller tells what went wrong."""
    logger = logging.getLogger("image_tracing_postgres")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _waited(
    drainer: Drainer,
    ends: dict[Path, int],
    *,
    deadline: float,
    is_brief: bool,
    tell: Callable[[Backlog, str | None], None],
) -> bool:
    """Wait until all segments are stored up to their ends; whether they were in time."""
    while True:
        left_seconds = max(0.0, deadline - monotonic())
        is_done = drainer.drain(min(left_seconds, _LOOK_SECONDS))
        if is_done and all(is_stored(path, end) for path, end in ends.items()):
            return True
        if not left_seconds or (is_brief and drainer.problem):
            return False
        tell(backlog_of(drainer.folder), drainer.problem)
        if is_done:
            # The rest belongs to living processes.
            Event().wait(min(left_seconds, _LOOK_SECONDS))


def _reason(folder: Path, database_url: str | None, timeout_seconds: float) -> str:
    backlog = backlog_of(folder)
    if backlog.unreadable:
        return (
            f"{counted(backlog.unreadable, 'file')} of {folder} belong to another user; run this as that user"
        )
    # What keeps a living process from storing keeps us from it too, as a rule.
    if database_url and (found := _unreachable(database_url)):
        return found
    if backlog.living:
        shown = ", ".join(map(str, backlog.living))
        return f"the spans of living processes (ids {shown}) still wait for those processes' own threads"
    return f"the database had not taken all after {timeout_seconds:g} s; give more time with --timeout"


def _unreachable(database_url: str) -> str | None:
    try:
        connect(database_url, deadline=monotonic() + _PROBE_SECONDS).close()
    except psycopg.Error as error:
        return str(translated(error, database_url))
    return None


def _retried(folder: Path, database_url: str | None, *, deadline: float, counts: Counts) -> str | None:
    """Try the records of the quarantine again, and let go of those that were stored; what was in the way."""
    writer = Writer(database_url, migrate=False)
    try:
        paths = sorted(files_in(folder))
        for first in range(0, len(paths), _BATCH):
            records = _set_aside(paths[first : first + _BATCH])
            for path, payload in _stored(writer, records, deadline=deadline):
                path.unlink(missing_ok=True)
                counts.add("stored", is_of_ended(payload))
    except (ImageTracingError, OSError) as error:
        return str(error)
    finally:
        writer.close()
    return None


@dataclass(frozen=True, slots=True)
class _SetAside:
    path: Path
    payload: bytes
    span: ReadableSpan


def _set_aside(paths: Sequence[Path]) -> list[_SetAside]:
    found = []
    for path in paths:
        payload = record_in(path)
        if payload is None:
            continue
        try:
            found.append(_SetAside(path, payload, span_from(payload)))
        except ValueError:
            # It can be read by no version so far; the file stays.
            continue
    return found


def _stored(writer: Writer, records: Sequence[_SetAside], *, deadline: float) -> Iterator[tuple[Path, bytes]]:
    """The records that the database takes now. Raises WriteError when it takes none at the moment."""
    if not records:
        return
    refused: set[int] = set()
    try:
        writer.write(
            [record.span for record in records],
            deadline=min(deadline, monotonic() + _BATCH_SECONDS),
            refuse=lambda span, _sqlstate, _reason: refused.add(id(span)),
        )
    except WriteError as error:
        if error.kind != "canceled":
            raise
        # One of them keeps the server busy until its time limit; the others need not wait for it.
        half = len(records) // 2
        if half:
            yield from _stored(writer, records[:half], deadline=deadline)
            yield from _stored(writer, records[half:], deadline=deadline)
        return
    yield from ((record.path, record.payload) for record in records if id(record.span) not in refused)
