"""Statistics over HTTP."""

from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.records import Filters
from image_tracing_postgres.statistics.figures import Bucket
from image_tracing_postgres.statistics.zones import BUCKETS
from image_tracing_viewer.query import FILTER_NAMES, filters_from, shown, single_values

STATS_NAMES = ("bucket", "tz")


@dataclass(frozen=True, slots=True)
class StatsQuery:
    """Which generations and attempts, cut into points of which length, by the clocks of which zone."""

    filters: Filters
    bucket: Bucket | None
    tz: str


def stats_query_from(params: QueryParams) -> StatsQuery:
    """The statistics that the parameters ask for.

    Raises:
        InvalidFilterError: a name is unknown or given twice, a value is outside its set or range; the store
            raises it as well, for an unknown zone and for too many buckets.
    """
    values = single_values(params, accepted=(*FILTER_NAMES, *STATS_NAMES))
    filters = filters_from(params, also=STATS_NAMES)
    return StatsQuery(filters=filters, bucket=_bucket(values.get("bucket")), tz=values.get("tz", "UTC"))


def stats(request: Request) -> Response:
    """The figures of the filtered range."""
    query = stats_query_from(request.query_params)
    found = request.app.state.store.stats(bucket=query.bucket, tz=query.tz, **query.filters)
    return JSONResponse(found.as_json())


def _bucket(value: str | None) -> Bucket | None:
    if value is None:
        return None
    for bucket in BUCKETS:
        if bucket == value:
            return bucket
    raise InvalidFilterError(f"bucket must be one of {', '.join(BUCKETS)}; found {shown(value)}")
