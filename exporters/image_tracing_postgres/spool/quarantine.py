"""Records that the database can never take: one file each, kept for a person to look at."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from image_tracing_postgres.spool import folder as places
from image_tracing_postgres.spool.payloads import identity_of

_FILES: Final = 10_000


def set_aside(folder: Path, payload: bytes, *, sqlstate: str | None, reason: str) -> bool | None:
    """Keep a record in `<folder>/quarantine`: True if it is there now, None if it was before.

    False when it cannot be kept: no room, or 10,000 files already.
    """
    quarantine = folder / places.QUARANTINE
    identity = identity_of(payload)
    name = "unknown" if identity is None else f"{identity.trace_id}-{identity.span_id}-{identity.kind}"
    path = quarantine / f"{name}.json"
    try:
        text = json.dumps(
            {
                "reason": reason,
                "sqlstate": sqlstate,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "record": payload.decode("utf-8", "replace"),
            }
        ).encode()
        places.make(quarantine)
        if path.exists():
            return None
        if number_in(folder) >= _FILES:
            return False
        new = path.with_suffix(places.NEW)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(text)
        new.rename(path)
    except OSError:
        return False
    return True


def number_in(folder: Path) -> int:
    """How many records are set aside."""
    return sum(1 for _ in files_in(folder))


def files_in(folder: Path) -> Iterator[Path]:
    """The files of the quarantine, in no order."""
    try:
        for entry in os.scandir(folder / places.QUARANTINE):
            if entry.name.endswith(".json"):
                yield Path(entry.path)
    except OSError:
        return


def record_in(path: Path) -> bytes | None:
    """The record of a file of the quarantine; None if it cannot be read."""
    try:
        return str(json.loads(path.read_bytes())["record"]).encode()
    except (OSError, ValueError, KeyError, TypeError):
        return None
