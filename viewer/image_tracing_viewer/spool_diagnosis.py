"""The spool of a database, looked at piece by piece without changing anything."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from image_tracing_postgres.settings import Settings
from image_tracing_postgres.spool import SpoolState, spool_folder, spool_state
from image_tracing_viewer.backlog import Backlog, backlog_of, late_spools, told_spool
from image_tracing_viewer.finding import Finding
from image_tracing_viewer.formats import counted, elapsed, size
from image_tracing_viewer.health import losses_told

_FREE_SHARE: Final = 0.05
_ALARM_SECONDS: Final = 60.0
_DRAIN: Final = "image-tracing drain"


def spool_findings(settings: Settings, database_url: str | None) -> Iterator[Finding]:
    """What there is to say of the spool of the database, and of others that wait."""
    folder = spool_folder(settings.data_dir, database_url)
    yield from _place(folder)
    state, backlog = spool_state(folder), backlog_of(folder)
    yield _waiting(backlog)
    yield from _orphans(backlog)
    yield from _unreadable(backlog)
    yield from _quarantine(folder, state)
    yield from _losses(state)
    for other, late in late_spools(settings.data_dir, but=folder):
        waiting = f"{late.told} for {elapsed(late.oldest_age_seconds)} in {other}"
        yield Finding("spool of another database", "note", waiting, told_spool(other.name))


def _place(folder: Path) -> Iterator[Finding]:
    there = folder
    # Unlike Path.exists these raise nothing about a folder that may not be looked into.
    while not os.path.exists(there):
        there = there.parent
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding(
            "spool",
            "wrong",
            f"{folder}: {there} is not writable, so that spans are in memory only",
            "give this user the right, or set IMAGE_TRACING_DATA_DIR to a folder that is writable",
        )
        return
    disk = shutil.disk_usage(there)
    room = f"{folder}, {size(disk.free)} of its disk free"
    if disk.free < _FREE_SHARE * disk.total:
        step = "free some space, or set IMAGE_TRACING_DATA_DIR elsewhere: from 5 % on spans are given up"
        yield Finding("spool", "wrong", room, step)
    else:
        yield Finding("spool", "good", room if os.path.exists(folder) else f"{room}; not made yet")


def _waiting(backlog: Backlog) -> Finding:
    if not backlog.spans:
        return Finding("waiting spans", "good", "none")
    age = backlog.oldest_age_seconds
    whose = f", of living processes {', '.join(map(str, backlog.living))}" if backlog.living else ""
    found = f"{backlog.told} for {elapsed(age)}{whose}"
    if not backlog.is_late:
        return Finding("waiting spans", "good", found)
    return Finding("waiting spans", "wrong" if age >= _ALARM_SECONDS else "note", found, _DRAIN)


def _orphans(backlog: Backlog) -> Iterator[Finding]:
    if backlog.orphans:
        found = f"{counted(backlog.orphans, 'file')} of processes that are dead"
        yield Finding("left behind", "note", found, f"{_DRAIN} (any program that traces does it too)")


def _unreadable(backlog: Backlog) -> Iterator[Finding]:
    if backlog.unreadable:
        found = f"{counted(backlog.unreadable, 'file')} of the spool cannot be read by this user"
        yield Finding("another user's", "wrong", found, f"{_DRAIN}, as the user that they belong to")


def _quarantine(folder: Path, state: SpoolState) -> Iterator[Finding]:
    if state.quarantined:
        yield Finding(
            "quarantine",
            "wrong",
            f"{counted(state.quarantined, 'record')} that the database does not take, "
            f"in {folder / 'quarantine'}",
            f"see the reason in each file, mend it, then: {_DRAIN} --quarantined (or delete the files)",
        )


def _losses(state: SpoolState) -> Iterator[Finding]:
    for told in losses_told(state.counts).values():
        step = "keep the database reachable, or the spool larger: configure(limit_bytes=…)"
        yield Finding("losses so far", "note", told, step if "full" in told else "")
