"""Whether spans come into the database: the look at an app's spool, and the strip that tells of trouble."""

import re
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from image_tracing_postgres.settings import SettingError, settings_from_environment
from image_tracing_viewer.formats import counted, elapsed

if TYPE_CHECKING:
    from image_tracing_postgres.spool import SpoolState
    from image_tracing_viewer.backlog import Backlog

# Pages and scrapes come close together; the figures of a moment ago do for the next.
_FRESH_SECONDS: Final = 1.0

# Why spans are not whole in the database, by the reasons that the spool counts.
LOSSES: Final[Mapping[str, str]] = {
    "dropped_spool_full": "lost: the spool was full",
    "dropped_memory_full": "lost: the spool's disk took nothing, and memory was full",
    "dropped_at_exit": "lost: the process ended while the spool's disk took nothing",
    "dropped_quarantine_full": "lost: the database refused, and the quarantine was full",
    "dropped_unreadable": "lost: not readable",
    "stripped": "stored without prompts and answers: the spool was nearly full",
}


@dataclass(frozen=True, slots=True)
class SpoolLook:
    """What a spool was like at one moment."""

    state: "SpoolState"
    backlog: "Backlog"


@dataclass(frozen=True, slots=True)
class Strip:
    """What a page tells of trouble, sentences by subject; a subject stays the same while its figures grow.

    `losses` are facts of the past, which a reader may put away; `lost` counts them all, so that a page can
    tell new ones from those.
    """

    troubles: Mapping[str, str]
    losses: Mapping[str, str]
    lost: int

    @property
    def subjects(self) -> str:
        """The same as long as there is nothing new to say."""
        return " ".join((*self.troubles, *self.losses))


class Health:
    """Looks at the spool of one database. Safe between threads; never raises and touches no database.

    `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres. `problem` tells why the app
    itself can store nothing at the moment, None if it can.
    """

    def __init__(self, dsn: str | None, problem: Callable[[], str | None] = lambda: None) -> None:
        self._dsn = dsn
        self._problem = problem
        self._lock = threading.Lock()
        self._look: SpoolLook | None = None
        self._looked_at = -_FRESH_SECONDS

    @property
    def folder(self) -> Path | None:
        """The spool's folder; None on Windows, which has no spool, and with a setting that cannot be used."""
        if sys.platform == "win32":
            return None
        from image_tracing_postgres.spool import spool_folder

        try:
            return spool_folder(settings_from_environment().data_dir, self._dsn)
        except SettingError:
            return None

    def look(self) -> SpoolLook | None:
        """The spool as it was a second ago at most; None without one."""
        with self._lock:
            if monotonic() - self._looked_at >= _FRESH_SECONDS:
                self._look = _look_at(self.folder)
                self._looked_at = monotonic()
            return self._look

    def strip(self, failure: str = "") -> Strip | None:
        """What is to be told; None when all is well. `failure` says why a page could not be read."""
        look = self.look()
        if look is None:
            return None
        troubles = _troubles(look, failure, self._problem() or "")
        losses = losses_told(look.state.counts)
        if not troubles and not losses:
            return None
        return Strip(
            troubles=troubles,
            losses=losses,
            lost=sum(look.state.counts.get(reason, 0) for reason in (*LOSSES, "dropped_damaged")),
        )


def losses_told(counts: Mapping[str, int]) -> dict[str, str]:
    """What was lost, a sentence by reason: `15 spans lost: the spool was full`."""
    told = {
        reason: f"{counted(counts[reason], 'span')} {said}"
        for reason, said in LOSSES.items()
        if counts.get(reason)
    }
    if damaged := counts.get("dropped_damaged"):
        told["dropped_damaged"] = f"{counted(damaged, 'piece')} of damaged spool files lost"
    return told


def _look_at(folder: Path | None) -> SpoolLook | None:
    if sys.platform == "win32" or folder is None:
        return None
    from image_tracing_postgres.spool import spool_state
    from image_tracing_viewer.backlog import backlog_of

    return SpoolLook(spool_state(folder), backlog_of(folder))


def _troubles(look: SpoolLook, failure: str, problem: str) -> dict[str, str]:
    troubles = {}
    backlog = look.backlog
    if backlog.spans and (backlog.is_late or failure):
        verb = "has" if backlog.spans == 1 else "have"
        since = f" for {elapsed(backlog.oldest_age_seconds)}" if backlog.is_late else ""
        reason = _reason_in(failure or problem)
        told = f"{backlog.told} {verb} waited for the database{since}" + (f" ({reason})" if reason else "")
        troubles["waiting"] = f"{told}; kept on disk until then"
    if number := look.state.quarantined:
        told = f"{counted(number, 'span')} quarantined: refused by the database"
        troubles["quarantined"] = told
    if number := backlog.unreadable:
        told = f"{counted(number, 'file')} of the spool cannot be read by the viewer's user"
        troubles["unreadable"] = told
    return troubles


def _reason_in(sentence: str) -> str:
    """Why, in a few words: our own sentences have it in brackets."""
    found = re.search(r"\((.*)\)", sentence)
    return found[1] if found else sentence.partition(";")[0]
