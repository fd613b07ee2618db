"""The thread that asks for a step of the evaluation every minute, and takes in a file of rules."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.alerting import AlertRightsError, Alerts, InvalidRuleError

_log = logging.getLogger("image_tracing_viewer")

# An app that is made and closed at once, as in tests, need not ask its database.
_FIRST_SECONDS: Final = 2.0


class Evaluator:
    """Evaluates each step that no other viewer does.

    `before` is called before each step, `after` when it was this one that evaluated it. `problem` says why
    the last one failed, `file_problem` why the file of rules cannot be used.
    """

    def __init__(
        self, alerts: Alerts, *, rule_file: Path | None, before: Callable[[], None], after: Callable[[], None]
    ) -> None:
        self.problem: str | None = None
        self.file_problem: str | None = None
        self._alerts = alerts
        self._rule_file = rule_file
        self._file_stamp: tuple[int, int] | None = None
        self._before = before
        self._after = after
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="image-tracing-alerts", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Ask for no further step."""
        self._stop.set()
        self._thread.join(2)

    def _run(self) -> None:
        interval = self._alerts.interval_seconds
        pause = min(_FIRST_SECONDS, interval)
        while not self._stop.wait(pause):
            self._step()
            # Steps begin on the database's clock. Well behind their begin, so that a clock that is a little
            # early or late never finds the same step twice, and the one after it not at all.
            pause = interval - (time.time() - interval / 10) % interval

    def _step(self) -> None:
        try:
            self._take_file()
            self._before()
            if self._alerts.evaluate() is not None:
                self._after()
            self._say(None)
        except AlertRightsError as error:
            # Meant so, mostly: the page tells it, and nobody has to do anything.
            self.problem = str(error)
        except ImageTracingError as error:
            self._say(str(error))
        except Exception as error:  # noqa: BLE001
            # Alerts that end without a word would be the worst that could happen here.
            self._say(f"unexpected {type(error).__name__}")
            _log.exception("the evaluation of alerts failed; it goes on with the next step")

    def _say(self, problem: str | None) -> None:
        if problem is not None and problem != self.problem:
            _log.warning("alerts are not evaluated: %s", problem)
        self.problem = problem

    def _take_file(self) -> None:
        """Take in the file when it changed; with several viewers the last change counts."""
        if self._rule_file is None:
            return
        try:
            stat = self._rule_file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            stamp = None
        if stamp is not None and stamp == self._file_stamp:
            return
        try:
            self._alerts.load_file(self._rule_file)
            self.file_problem = None
        except InvalidRuleError as error:
            if str(error) != self.file_problem:
                _log.warning("the file of alert rules is not used: %s", error)
            self.file_problem = str(error)
        self._file_stamp = stamp
