"""Sums of stretches of time in the tables of summaries."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import psycopg

from image_tracing_postgres.statements import statement
from image_tracing_postgres.statistics.cutting import Level, Span
from image_tracing_postgres.statistics.figures import Durations
from image_tracing_postgres.statistics.tallies import AttemptTally, GenerationTally, Sketch, Tally

Cursor = psycopg.Cursor[Any]


def kept_tallies(
    cursor: Cursor, level: Level, spans: Sequence[Span], *, with_sketches: bool
) -> dict[Span, Tally]:
    """What is kept of these spans. Without their sketches they cannot be added to others."""
    if not spans:
        return {}
    starts, ends = zip(*spans, strict=True)
    asked = {"level": level, "starts": list(starts), "ends": list(ends), "with_sketches": with_sketches}
    tallies: dict[Span, Tally] = {}
    # In binary, since most of it is arrays of numbers.
    for row in cursor.execute(statement("statistics/kept_generations"), asked, binary=True):
        start, end, completed, failed, started, recovered, wasted_ms, *durations, flows = row
        tallies[start.astimezone(UTC), end.astimezone(UTC)] = Tally(
            generations=GenerationTally(
                completed=completed,
                failed=failed,
                started=started,
                recovered=recovered,
                wasted_ms=wasted_ms,
                flows=Counter({(depth, first, served): number for depth, first, served, number in flows}),
                sketch=_sketch(*durations),
            )
        )
    for row in cursor.execute(statement("statistics/kept_attempts"), asked, binary=True):
        start, end, subject, model, provider, *sums, outcomes, error_classes = row
        attempts, succeeded, images, size_bytes, chances, rescues, *durations = sums
        tally = AttemptTally(
            attempts=attempts,
            succeeded=succeeded,
            images=images,
            size_bytes=int(size_bytes),
            chances=chances,
            rescues=rescues,
            outcomes=Counter(outcomes),
            error_classes=Counter(error_classes),
            sketch=_sketch(*durations),
        )
        of_span = tallies[start.astimezone(UTC), end.astimezone(UTC)]
        if subject == "all":
            of_span.all_attempts = tally
        elif subject == "model":
            of_span.models[model] = tally
        elif subject == "provider":
            of_span.providers[provider] = tally
        else:
            of_span.pairs[provider, model] = tally
    return tallies


def keep(cursor: Cursor, level: Level, tallies: Mapping[Span, Tally]) -> None:
    """Keep sums of spans of which none are kept. Only for who holds the lock."""
    generations = [
        {"level": level, **_times(span), **_generations(tally.generations)} for span, tally in tallies.items()
    ]
    attempts = [
        {"level": level, **_times(span), **row}
        for span, tally in tallies.items()
        for row in _attempts(tally, is_longer=level != "slot")
    ]
    cursor.execute(statement("statistics/keep_generations"), {"rows": json.dumps(generations)})
    if attempts:
        cursor.execute(statement("statistics/keep_attempts"), {"rows": json.dumps(attempts)})


def forget(cursor: Cursor, start: datetime, stop: datetime) -> None:
    """Forget what is kept of a stretch that begins and ends with a slot, and of what shares some of it."""
    asked = {"start": start, "stop": stop}
    cursor.execute(statement("statistics/forget_generations"), asked)
    cursor.execute(statement("statistics/forget_attempts"), asked)


def _times(span: Span) -> dict[str, str]:
    return {"starts_at": span[0].isoformat(), "ends_at": span[1].isoformat()}


def _generations(tally: GenerationTally) -> dict[str, Any]:
    return {
        "completed": tally.completed,
        "failed": tally.failed,
        "started": tally.started,
        "recovered": tally.recovered,
        "wasted_ms": tally.wasted_ms,
        "flows": [[*key, number] for key, number in tally.flows.items()],
        **_durations(tally.sketch),
    }


def _attempts(tally: Tally, *, is_longer: bool) -> Iterable[dict[str, Any]]:
    """The rows of a stretch. A slot has pairs only, since there are most of them; no point is a slot."""
    if not is_longer:
        for (provider, model), attempts in tally.pairs.items():
            yield _row("pair", model, provider, attempts)
        return
    if tally.models:
        yield {**_row("all", None, None, tally.attempts), "least_ms": [], "numbers": []}
    for model, attempts in tally.models.items():
        yield _row("model", model, None, attempts)
    for provider, attempts in tally.providers.items():
        yield _row("provider", None, provider, attempts)


def _row(subject: str, model: str | None, provider: str | None, tally: AttemptTally) -> dict[str, Any]:
    # Names may be longer than an index takes.
    key = blake2b(json.dumps([model, provider]).encode(), digest_size=16)
    return {
        "subject": subject,
        "key": f"\\x{key.hexdigest()}",
        "model": model,
        "provider": provider,
        "attempts": tally.attempts,
        "succeeded": tally.succeeded,
        "images": tally.images,
        "size_bytes": tally.size_bytes,
        "chances": tally.chances,
        "rescues": tally.rescues,
        "outcomes": tally.outcomes,
        "error_classes": tally.error_classes,
        **_durations(tally.sketch),
    }


def _durations(sketch: Sketch) -> dict[str, Any]:
    durations = sketch.durations
    least_ms, numbers = sketch.thinned()
    return {
        "timed": sum(numbers),
        "duration_ms": sketch.sum_ms,
        "percentiles_ms": durations and [durations.p50, durations.p90, durations.p95, durations.p99],
        "least_ms": least_ms,
        "numbers": numbers,
    }


def _sketch(
    timed: int,
    sum_ms: int,
    percentiles_ms: Sequence[int] | None,
    least_ms: Sequence[int] | None,
    numbers: Sequence[int] | None,
) -> Sketch:
    known = Durations(round(sum_ms / timed, 1), *percentiles_ms) if percentiles_ms else None
    sketch = Sketch(known=known)
    sketch.counts = dict(zip(least_ms, numbers, strict=True)) if least_ms and numbers else {}
    sketch.sum_ms = sum_ms
    return sketch
