"""What the filter form suggests, asked of the database now and then instead of for every page."""

import time
from typing import Final
from weakref import WeakKeyDictionary

from image_tracing_postgres.store import Choices, Store

KEPT_SECONDS: Final = 15.0
_kept: WeakKeyDictionary[Store, tuple[float, Choices]] = WeakKeyDictionary()


def suggestions(store: Store) -> Choices:
    """Names that the newest traces have, at most `KEPT_SECONDS` old."""
    asked_at, choices = _kept.get(store, (0.0, None))
    now = time.monotonic()
    if choices is None or now - asked_at > KEPT_SECONDS:
        choices = store.choices()
        # An empty database is about to get its first trace; remembering that it was empty helps nobody.
        if choices.models or choices.services:
            _kept[store] = (now, choices)
    return choices
