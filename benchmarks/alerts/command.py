"""The command: simulate services, tell what was told."""

import argparse
import json
import statistics
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Final

from alerts.traffic import HOUR, MINUTE, Service
from alerts.weeks import Outage, Weeks, simulated
from image_tracing_postgres.alerting.presets import PRESETS
from image_tracing_postgres.migrate import migrate

# Services that nobody chose.
SEEDS: Final = tuple(range(1, 25))
MOST_STEPS: Final = 2
MOST_FALSE_ALARMS_A_WEEK: Final = 1.0


def main() -> int:
    """0 if both bars are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default=f"{SEEDS[0]}-{SEEDS[-1]}", help="like 1-24 or 3,7")
    parser.add_argument("--weeks", type=float, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--postgres", metavar="DSN", help="compare with this empty database instead")
    parser.add_argument("--hours", type=float, default=3, help="of that comparison")
    parser.add_argument("--kills", type=int, default=0, help="kill two viewers on this database so often")
    parser.add_argument("--verbose", action="store_true", help="tell each false alarm and each late one")
    given = parser.parse_args()
    if given.postgres:
        migrate(given.postgres)
    if given.postgres and given.kills:
        return _kill(_numbers(given.seeds)[0], given.kills, given.postgres)
    if given.postgres:
        return _compare(_numbers(given.seeds)[0], given.hours, given.postgres)
    with ProcessPoolExecutor(given.workers) as pool:
        found = list(pool.map(_simulated, _numbers(given.seeds), [given.weeks] * len(_numbers(given.seeds))))
    for weeks in found:
        print(_line(weeks))
        if given.verbose:
            _tell(weeks)
    figures = _figures(found)
    print(json.dumps(figures, indent=2))
    if given.json:
        given.json.write_text(json.dumps(figures | {"services": [_row(weeks) for weeks in found]}, indent=1))
    return 0 if figures["met"] else 1


def _compare(seed: int, hours: float, dsn: str) -> int:
    from alerts.postgres import compared

    # So much goes wrong that a few hours have some of it.
    found = compared(Service(seed, weeks=hours / (7 * 24), troubles=120 / hours), PRESETS, dsn)
    print(f"{found.steps} steps, {found.figures} figures, {found.transitions} transitions compared")
    print("\n".join(found.differences[:20]))
    return 1 if found.differences else 0


def _kill(seed: int, kills: int, dsn: str) -> int:
    from alerts.kills import killed

    found = killed(dsn, kills=kills, seed=seed)
    print(json.dumps(asdict(found), indent=2))
    return 0 if found.met else 1


def _simulated(seed: int, weeks: float) -> Weeks:
    return simulated(Service(seed, weeks=weeks), PRESETS)


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def _row(weeks: Weeks) -> dict[str, object]:
    known = [outage for outage in weeks.outages if outage.known_at is not None]
    return {
        "seed": weeks.service.seed,
        "models": len(weeks.service.models),
        "requests": weeks.requests,
        "calls": weeks.calls,
        "outages": len(weeks.outages),
        "known": len(known),
        "steps": dict(sorted(Counter(str(outage.steps) for outage in known).items())),
        "alarms": len(weeks.alarms),
        "false_alarms_a_week": round(len(weeks.false_alarms) / weeks.number, 2),
    }


def _line(weeks: Weeks) -> str:
    return " ".join(f"{name}={value}" for name, value in _row(weeks).items())


def _tell(weeks: Weeks) -> None:
    for alarm in weeks.false_alarms:
        print(f"    false: {alarm.rule} {alarm.subject} at {alarm.at / HOUR:.1f} h")
    for outage in weeks.outages:
        if outage.known_at is not None and (outage.steps is None or outage.steps > MOST_STEPS):
            print(f"    late: {outage}")


def _figures(found: Sequence[Weeks]) -> dict[str, object]:
    outages = [outage for weeks in found for outage in weeks.outages]
    known = [outage for outage in outages if outage.known_at is not None]
    busy = [outage for outage in known if outage.is_busy]
    late = [outage for outage in known if outage.steps is None or outage.steps > MOST_STEPS]
    late_busy = [each for each in busy if each.steps_of_start is None or each.steps_of_start > MOST_STEPS]
    false_a_week = [len(weeks.false_alarms) / weeks.number for weeks in found]
    return {
        "services": len(found),
        "weeks": sum(weeks.number for weeks in found),
        "calls": sum(weeks.calls for weeks in found),
        "outages": len(outages),
        "outages_with_enough_failed_calls": len(known),
        "told_within_two_steps_of_them": len(known) - len(late),
        "of_these_enough_within_a_minute": len(busy),
        "told_within_two_steps_of_the_start": len(busy) - len(late_busy),
        "minutes_from_the_start": _quantiles(known),
        "alarms": sum(len(weeks.alarms) for weeks in found),
        "alarms_by_rule": dict(Counter(alarm.rule for weeks in found for alarm in weeks.alarms)),
        "recoveries": sum(weeks.recoveries for weeks in found),
        "repeats": sum(_repeats(weeks) for weeks in found),
        "false_alarms": sum(len(weeks.false_alarms) for weeks in found),
        "false_alarms_by_rule": dict(Counter(alarm.rule for weeks in found for alarm in weeks.false_alarms)),
        "false_alarms_a_week_mean": round(statistics.fmean(false_a_week), 3),
        "false_alarms_a_week_most": max(false_a_week),
        "met": not late and not late_busy and max(false_a_week) <= MOST_FALSE_ALARMS_A_WEEK,
    }


def _quantiles(outages: Sequence[Outage]) -> dict[str, float]:
    minutes = sorted(
        (outage.told_at - outage.incident.start) / MINUTE for outage in outages if outage.told_at is not None
    )
    return {
        f"p{share}": round(minutes[min(len(minutes) - 1, len(minutes) * share // 100)], 1)
        for share in (50, 90, 99)
        if minutes
    }


def _repeats(weeks: Weeks) -> int:
    """Alarms beyond the first of the same rule and subject about the same incident."""
    seen: Counter[str] = Counter()
    for alarm in weeks.alarms:
        for cause in alarm.causes[:1]:
            seen[json.dumps([alarm.rule, alarm.subject, asdict(cause)])] += 1
    return sum(number - 1 for number in seen.values())
