from datetime import UTC, datetime
from uuid import UUID

import pytest
from starlette.datastructures import QueryParams

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_viewer.query import filters_from, query_from

ID = "123e4567-e89b-12d3-a456-426614174000"


def test_no_parameters_mean_the_newest_fifty() -> None:
    query = query_from(QueryParams(""))

    assert (query.limit, query.offset, query.cursor) == (50, 0, None)
    assert not any(query.filters.values())


def test_each_filter_is_read() -> None:
    query = query_from(
        QueryParams(
            "status=failed&model=flux&provider=fal&lesson_id=l-1&service=web&error_class=timeout&outcome=blank"
            f"&from=2025-10-26&to=2025-10-27T10:30:00Z&served_by=sd&models_tried=3&least_models_tried=2&q=red+fox&id={ID}&limit=7&cursor=c"
        )
    )

    assert query.filters == {
        "status": "failed",
        "model": "flux",
        "provider": "fal",
        "lesson_id": "l-1",
        "service": "web",
        "error_class": "timeout",
        "outcome": "blank",
        "from_": datetime(2025, 10, 26, tzinfo=UTC),
        "to": datetime(2025, 10, 27, 10, 30, tzinfo=UTC),
        "served_by": "sd",
        "models_tried": 3,
        "least_models_tried": 2,
        "q": "red fox",
        "id": UUID(ID),
    }
    assert (query.limit, query.cursor) == (7, "c")


def test_an_empty_value_is_as_if_it_were_not_given() -> None:
    assert query_from(QueryParams("status=&limit=&from=&id=&q=&model=")) == query_from(QueryParams(""))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-10-26T10:30", datetime(2025, 10, 26, 10, 30, tzinfo=UTC)),
        ("2025-10-26 10:30:05.25", datetime(2025, 10, 26, 10, 30, 5, 250_000, tzinfo=UTC)),
        ("2025-10-26T10:30:00%2B02:00", datetime(2025, 10, 26, 8, 30, tzinfo=UTC)),
        ("2025-10-26T10:30:00+02:00", datetime(2025, 10, 26, 8, 30, tzinfo=UTC)),
        ("2025-10-26t10:30:00z", datetime(2025, 10, 26, 10, 30, tzinfo=UTC)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00%2B10:00", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59-10:00", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_utc_and_others_become_it(text: str, moment: datetime) -> None:
    assert query_from(QueryParams(f"from={text}")).filters["from_"] == moment


@pytest.mark.parametrize(
    ("query_string", "told"),
    [
        ("modle=flux", "unknown parameter 'modle'; accepted: status, model"),
        ("status=done", "status must be one of started, completed, failed; found 'done'"),
        ("error_class=bad", "error_class must be one of rate_limited"),
        ("outcome=fine", "outcome must be one of ok"),
        ("models_tried=two", "models_tried must be a whole number from 0 to 1000000; found 'two'"),
        ("least_models_tried=-1", "found '-1'"),
        ("limit=0", "limit must be a whole number from 1 to 500; found '0'"),
        ("limit=501", "found '501'"),
        ("limit=%201", "found ' 1'"),
        ("limit=1_0", "found '1_0'"),
        ("limit=%D9%A3", r"found '\\u0663'"),
        ("limit=99999999999999999999999", "limit must be a whole number"),
        ("offset=-1", "offset must be a whole number from 0"),
        ("cursor=a&offset=5", "cursor and offset exclude each other"),
        ("status=failed&status=failed", "parameter status is given more than once"),
        ("from=0000-01-01", "from must be an ISO 8601 date or time"),
        ("from=10000-01-01", "from must be"),
        ("to=2025-02-30", "to must be"),
        ("to=2025-W01", "to must be"),
        ("to=yesterday", "to must be"),
        ("id=5", "id must be a UUID like"),
        (f"id=%7B{ID}%7D", "id must be a UUID like"),
        ("q=a%00b", "q holds a NUL character"),
        ("q=" + "x" * 2_001, "q must have at most 2000 characters; found 2001"),
        ("model=%1b[31m%0a&zzz%1b=1", r"unknown parameter 'zzz\\x1b'"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_can(query_string: str, told: str) -> None:
    with pytest.raises(InvalidFilterError) as caught:
        query_from(QueryParams(query_string))

    assert told.replace("\\\\", "\\") in str(caught.value)


def test_a_caller_reads_parameters_of_its_own() -> None:
    assert query_from(QueryParams("partial=rows"), also=("partial",)).limit == 50


def test_an_answer_without_pages_takes_no_limit() -> None:
    with pytest.raises(InvalidFilterError, match="unknown parameter 'limit'"):
        filters_from(QueryParams("limit=5"))
