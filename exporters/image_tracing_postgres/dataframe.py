"""A table of traces or attempts as a pandas data frame."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from image_tracing_postgres.table import Column, Kind

if TYPE_CHECKING:
    import pandas

# All of them tell a missing value from any other.
_TYPES: Final[Mapping[Kind, str]] = {
    "text": "string",
    "texts": "object",
    "json": "string",
    "integer": "Int64",
    "boolean": "boolean",
    "time": "datetime64[us, UTC]",
}


def dataframe(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> "pandas.DataFrame":
    """The rows in their order; columns of JSON hold its text, for `.map(json.loads)`.

    Raises:
        ModuleNotFoundError: there is no pandas.
    """
    # Not at the head of the file: it takes a second, and an extra brings it.
    try:
        import pandas
    except ModuleNotFoundError as error:
        if error.name != "pandas":
            raise
        raise ModuleNotFoundError(
            "a data frame needs pandas, not installed here; install it with: "
            "pip install 'image-tracing[dataframe]'",
            name="pandas",
        ) from error
    cells = list(zip(*rows, strict=True)) or [()] * len(columns)
    return pandas.DataFrame(
        {
            column.name: pandas.Series(list(found), dtype=_TYPES[column.kind])
            for column, found in zip(columns, cells, strict=True)
        }
    )
