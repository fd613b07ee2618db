"""Statistics of a range, from the rows of the tables."""

from datetime import UTC, datetime

from image_tracing_postgres import filters as checks
from image_tracing_postgres.pool import Connections
from image_tracing_postgres.records import Filters
from image_tracing_postgres.statistics.figures import Statistics
from image_tracing_postgres.statistics.presentation import (
    depths_of,
    error_classes_of,
    flow_of,
    models_of,
    point_of,
    providers_of,
    total_of,
)
from image_tracing_postgres.statistics.ranges import Range, range_of
from image_tracing_postgres.statistics.raw import tallies_from_rows
from image_tracing_postgres.statistics.tallies import Tally


def statistics(connections: Connections, *, bucket: str | None, tz: str, filters: Filters) -> Statistics:
    """The figures of what the filters mean; InvalidFilterError for what cannot be asked."""
    meant = checks.parameters_of(filters)
    asked = range_of(meant["from_"], meant["to"], bucket=bucket, tz=tz, now=datetime.now(UTC))
    is_narrowed = any(value is not None for name, value in meant.items() if name not in ("from_", "to"))
    tallies = [Tally() for _ in asked.starts]
    if asked.starts:
        with connections.transaction() as cursor:
            found = tallies_from_rows(cursor, asked.starts, asked.stop, meant=meant if is_narrowed else None)
        tallies = [found.get(place, tally) for place, tally in enumerate(tallies)]
    total = Tally()
    for tally in tallies:
        total.merge(tally)
    return _statistics(asked, total, tallies)


def _statistics(asked: Range, total: Tally, tallies: list[Tally]) -> Statistics:
    by_model = total.by_model
    flows = total.generations.flows
    ends = [*asked.starts[1:], asked.stop]
    return Statistics(
        from_=asked.start,
        to=asked.stop,
        bucket=asked.bucket,
        tz=asked.zone.key,
        total=total_of(total),
        by_model=models_of(by_model),
        by_provider=providers_of(total.by_provider),
        by_error_class=error_classes_of(by_model.values()),
        over_time=[
            point_of(tally, start=start, end=end)
            for tally, start, end in zip(tallies, asked.starts, ends, strict=False)
        ],
        fallback_depth=depths_of(flows),
        flow=flow_of(flows),
    )
