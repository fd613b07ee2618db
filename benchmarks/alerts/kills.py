"""Two viewers that evaluate and send, killed again and again: each transition arrives exactly once."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from alerts.sink import Sink
from image_tracing_postgres.alerting import Alerts, HistoryEntry

_PROGRAM: Final = Path(__file__).with_name("viewer.py")
_LEASE_SECONDS: Final = 5.0
_MODELS: Final = ("flux", "sdxl", "turbo")
# How long a model fails, and works again: less than it takes to tell would be no transition.
_PHASE_SECONDS: Final = 4.0
_END_SECONDS: Final = 180.0


@dataclass
class Kills:
    """What came of it. `repeats`: messages that came more than once, under the same key."""

    kills: int
    transitions: int = 0
    told: int = 0
    lost: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    repeats: int = 0
    unmarked_repeats: int = 0

    @property
    def met(self) -> bool:
        """Each transition came, once for who knows keys, and repeats say that they may be some."""
        return self.told > 0 and not (self.lost or self.invented or self.disordered or self.unmarked_repeats)


def killed(dsn: str, *, kills: int, seed: int) -> Kills:
    """Let two viewers run on an empty, migrated database, and kill one of them so often, at any moment."""
    chance = random.Random(f"kills {seed}")
    sink = Sink()
    found = Kills(kills)
    with Alerts(dsn) as alerts, psycopg.connect(dsn, autocommit=True) as connection:
        _only_quick_rules(alerts)
        viewers = [_viewer(dsn, sink.url) for _ in range(2)]
        try:
            for _ in range(kills):
                for _ in _lasting(chance.uniform(0.5, 5)):
                    _call(connection)
                place = chance.randrange(len(viewers))
                _kill(viewers[place], with_its_sender=chance.random() < 0.5)
                viewers[place] = _viewer(dsn, sink.url)
            # All well in the end, so that each firing has its recovery, and time to send what waits.
            for _ in _lasting(_END_SECONDS):
                _call(connection, is_well=True)
                if _is_over(alerts):
                    break
        finally:
            for viewer in viewers:
                _kill(viewer, with_its_sender=True)
        _compare(found, list(reversed(alerts.history(limit=500))), sink, connection)
    sink.close()
    return found


def _only_quick_rules(alerts: Alerts) -> None:
    for rule in alerts.rules():
        alerts.change_rule(rule.id, {"is_enabled": False})
    alerts.add_rule(
        {
            "name": "Quick",
            "kind": "failures_in_a_row",
            "failures": 2,
            "lasting_seconds": 0,
            "window_minutes": 1,
            "each_model": True,
            "cooldown_minutes": 0,
        }
    )


def _call(connection: psycopg.Connection[Any], *, is_well: bool = False) -> None:
    """Each model is called once; which of them fail changes with time."""
    now = datetime.now(UTC)
    for place, model in enumerate(_MODELS):
        fails = not is_well and (now.timestamp() / _PHASE_SECONDS + place / 2) % 2 < 1
        connection.execute(
            _ATTEMPT,
            {
                "id": uuid.uuid4(),
                "span_id": uuid.uuid4().hex[:16],
                "started_at": now - timedelta(milliseconds=50),
                "ended_at": now,
                "success": not fails,
                "model": model,
                "outcome": "error" if fails else "ok",
                "error_class": "timeout" if fails else None,
            },
        )


def _lasting(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        # The time until the next look at what the viewers did; nothing tells of it.
        time.sleep(0.2)


def _viewer(dsn: str, url: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, str(_PROGRAM)], stdin=subprocess.PIPE, start_new_session=True)
    assert process.stdin is not None
    given = {"dsn": dsn, "url": url, "lease_seconds": _LEASE_SECONDS}
    process.stdin.write(json.dumps(given).encode() + b"\n")
    process.stdin.close()
    return process


def _kill(process: subprocess.Popen[bytes], *, with_its_sender: bool) -> None:
    senders = _begun_by(process.pid) if with_its_sender else []
    process.kill()
    for sender in senders:
        with suppress(ProcessLookupError):
            os.kill(sender, signal.SIGKILL)
    process.wait()


def _begun_by(pid: int) -> list[int]:
    """The processes that a process has begun and that run, where the system is Linux; else none."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        # Its thread may have ended meanwhile.
        with suppress(OSError):
            found += [int(child) for child in path.read_text().split()]
    return found


def _is_over(alerts: Alerts) -> bool:
    overview = alerts.overview()
    fires = any(state.status == "firing" for rule in overview.rules for state in rule.states)
    return not fires and not any(channel.waiting for channel in overview.channels)


def _compare(
    found: Kills, history: list[HistoryEntry], sink: Sink, connection: psycopg.Connection[Any]
) -> None:
    keys = {
        str(row[0]): str(row[1])
        for row in connection.execute("SELECT id, transition_id FROM image_alert_messages")
    }
    told = [str(entry.id) for entry in history if entry.is_told]
    found.transitions, found.told = len(history), len(told)
    arrived = [keys.get(key, key) for key in sink.keys]
    found.lost = [id_ for id_ in told if id_ not in arrived]
    found.invented = [id_ for id_ in arrived if id_ not in told]
    found.repeats = sum(number - 1 for number in sink.keys.values())
    found.unmarked_repeats = sum(
        "may have got this already" not in sink.bodies[key]["message"]
        for key, number in sink.keys.items()
        if number > 1
    )
    # Of each model a firing and a recovery take turns.
    for model in _MODELS:
        statuses = [entry.status for entry in history if entry.subject == model]
        if statuses != ["firing", "recovered"] * (len(statuses) // 2):
            found.disordered.append(f"{model}: {statuses}")


_ATTEMPT: Final = b"""
INSERT INTO image_attempts (
    trace_id, span_id, started_at, ended_at, duration_ms, number, success, model, outcome, error_class
)
VALUES (
    %(id)s, %(span_id)s, %(started_at)s, %(ended_at)s, 50, 1, %(success)s, %(model)s, %(outcome)s,
    %(error_class)s
)"""
