"""Warnings that do not fill a log: each subject once a minute."""

import logging
from time import monotonic
from typing import Final

_QUIET_SECONDS: Final = 60.0


class Told:
    """What was said, and when. A handful of subjects."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._said_at: dict[str, float] = {}

    def say(self, subject: str, message: str, *values: object) -> None:
        """Log a warning, at most once a minute for one subject."""
        now = monotonic()
        if now - self._said_at.get(subject, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._said_at[subject] = now
            self._logger.warning(message, *values)
