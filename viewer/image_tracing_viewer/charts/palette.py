"""A colour and a short name for each model, the same in every chart and, as far as it goes, every range."""

from collections import Counter
from collections.abc import Sequence
from typing import Final
from zlib import crc32

from image_tracing_viewer.formats import model_name, shortened

COLOURS: Final = 8
"""As many can be told apart by everybody; static/charts.css has them as `m0` to `m7`."""
REST: Final = "rest"
"""The class of every further model: grey."""

_NAME_LENGTH: Final = 32


class Palette:
    """The colours of these models, given with the most important first.

    A model's colour follows from its name, so that it stays when others come and go; only where two of them
    want the same does the later one in the alphabet take the next free colour.
    """

    def __init__(self, models: Sequence[str | None]) -> None:
        free = list(range(COLOURS))
        self._styles: dict[str | None, str] = {}
        for model in sorted(models[:COLOURS], key=lambda name: name or ""):
            wanted = crc32((model or "").encode("utf-8", "surrogatepass")) % COLOURS
            slot = min(free, key=lambda slot: (slot - wanted) % COLOURS)
            free.remove(slot)
            self._styles[model] = f"m{slot}"
        ends = Counter(model_name(model) for model in models)
        self._names = {model: _short(model, is_unique=ends[model_name(model)] == 1) for model in models}
        self.models = tuple(models)

    def style(self, model: str | None) -> str:
        """The class of the model's colour."""
        return self._styles.get(model, REST)

    def name(self, model: str | None) -> str:
        """What the model is called: the last part of its name, with the rest if another one ends the same."""
        return self._names.get(model) or _short(model, is_unique=True)


def _short(model: str | None, *, is_unique: bool) -> str:
    name = model_name(model)
    if not is_unique and model and model != name:
        # What differs comes last, for names are cut at their end.
        name = f"{name} · {model.rstrip('/').removesuffix(name).rstrip('/')}"
    return shortened(name, _NAME_LENGTH) or "unknown model"
