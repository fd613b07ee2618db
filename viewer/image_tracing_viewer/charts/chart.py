"""What a chart is made of, before it becomes a part of the page or a picture of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from image_tracing_viewer.charts.drawing import AXIS_HEIGHT, Plot
from image_tracing_viewer.charts.labels import fitted, spread

_LABEL_HEIGHT = 15
# In sizes of its font: what the page has beside a chart.
_LABEL_WIDTH = 10.5


@dataclass(frozen=True, slots=True)
class Key:
    """What a colour stands for. `y`: where its line ends, in pixels from the top, None without one."""

    label: str
    style: str
    full: str = ""
    y: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """A key beside the end of its line, at this height in pixels from the top; `label` is cut to its room."""

    key: Key
    y: float

    @property
    def label(self) -> str:
        """What is written there."""
        return fitted(self.key.label, _LABEL_WIDTH)


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawing with its keys. `kind`: `time` over the buckets, `amounts` from left to right, or `flow`."""

    plot: Plot
    keys: Sequence[Key] = ()
    title: str = ""
    kind: str = "time"

    @property
    def is_over_time(self) -> bool:
        """Whether its places are the buckets."""
        return self.kind == "time"

    @property
    def ends(self) -> list["End"]:
        """The keys beside the ends of their lines; none where they would not fit."""
        keys = [(key, key.y) for key in self.keys if key.y is not None]
        bottom = self.plot.height - AXIS_HEIGHT
        if len(keys) * _LABEL_HEIGHT > bottom + _LABEL_HEIGHT:
            return []
        places = spread([y for _, y in keys], least=_LABEL_HEIGHT, bottom=bottom)
        return [End(key, y) for (key, _), y in zip(keys, places, strict=True)]


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as a reader sees it, with where it leads if it does."""

    text: str
    href: str = ""
    spark: Markup | None = None
    style: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column. `style`: the class of its colour in the chart; `is_spark`: of small lines."""

    label: str
    style: str = ""
    full: str = ""
    is_spark: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The chart's figures. The first column names each row; of charts over time a row is a bucket."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its figures. `told` says in a sentence what a glance at it would; no panels: no data."""

    name: str
    title: str
    told: str
    panels: Sequence[Panel]
    tables: Sequence[Table]
