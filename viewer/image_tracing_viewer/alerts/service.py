"""The alerts of one app: they are evaluated and sent as long as it serves."""

import logging
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from image_tracing_postgres.alerting import Alerts, HistoryEntry, Overview, UnknownRuleError
from image_tracing_postgres.settings import SettingError, settings_from_environment
from image_tracing_viewer.alerts.channels import Channel, ChannelError, Picture
from image_tracing_viewer.alerts.courier import Courier
from image_tracing_viewer.alerts.evaluator import Evaluator
from image_tracing_viewer.alerts.letters import Draw, trial_letter
from image_tracing_viewer.formats import elapsed

_log = logging.getLogger("image_tracing_viewer")

# A step may take half a minute, and one may be missed while a viewer is started again.
_LATE_STEPS: Final = 2
_LATE_SECONDS: Final = 60.0
_NOT_STARTED: Final = (
    "this viewer neither looks at the rules nor sends: it is mounted in an app that does not run its "
    "lifespan; docs/alerts.md shows how to"
)
# Of how many tests the outcome is kept, for the page that shows it.
_OUTCOMES: Final = 20


class ChannelBusyError(Exception):
    """A test message is on its way to the channel already."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a test message; `problem` None: the channel took it."""

    channel: str
    service: str
    problem: str | None


class AlertService:
    """The evaluator and the courier of an app, and what pages and the API need to know of them.

    `urls`: Apprise addresses. `address`: where people reach the viewer, for links in messages. `draw` makes
    the chart of a message, for channels that take pictures. With a `problem` nothing is evaluated.
    """

    def __init__(
        self,
        alerts: Alerts,
        *,
        urls: Sequence[str] = (),
        address: str = "",
        rule_file: Path | None = None,
        draw: Draw | None = None,
        problem: str | None = None,
    ) -> None:
        self.alerts: Final = alerts
        self.channels: Final = tuple(Channel(url) for url in dict.fromkeys(urls))
        self.rule_file: Final = rule_file
        self._problem = problem
        self._address = address.rstrip("/")
        self._draw = draw
        self._courier: Courier | None = None
        self._evaluator: Evaluator | None = None
        self._lock = threading.Lock()
        self._testing: set[str] = set()
        self._outcomes: dict[str, Sequence[Delivery]] = {}

    @property
    def problems(self) -> Mapping[str, str]:
        """What keeps alerts from working as they should, in sentences by subject."""
        evaluator = self._evaluator
        found = {"evaluation": self._problem, "file": None}
        if evaluator is not None:
            found = {"evaluation": evaluator.problem, "file": evaluator.file_problem}
        elif self._problem is None:
            found["evaluation"] = _NOT_STARTED
        if self._courier is not None:
            found["sending"] = self._courier.problem
        return {subject: problem for subject, problem in found.items() if problem}

    def problems_with(self, overview: Overview) -> Sequence[str]:
        """These problems, and that nobody looks at the rules any more."""
        found = list(self.problems.values())
        if overview.evaluation is not None:
            silent_seconds = (overview.now - overview.evaluation.evaluated_at).total_seconds()
            if silent_seconds > _LATE_STEPS * self.alerts.interval_seconds + _LATE_SECONDS:
                found.append(
                    f"no viewer has looked at the rules for {elapsed(silent_seconds)}: their states are "
                    "those of then, and nobody is told what happens now"
                )
        return found

    @property
    def channel_problems(self) -> Mapping[str, str]:
        """Why channels of this viewer cannot be used at all, by their ids."""
        return dict(self._courier.problems) if self._courier else {}

    def start(self) -> None:
        """Evaluate and send from now on."""
        if self._problem is not None:
            _log.warning("alerts are not evaluated: %s", self._problem)
            return
        self._courier = Courier(self.alerts.outbox, self.channels, base=self._address, draw=self._drawn)
        self._evaluator = Evaluator(
            self.alerts, rule_file=self.rule_file, before=self._courier.see, after=self._courier.wake
        )
        self._evaluator.start()
        self._courier.start()

    def close(self) -> None:
        """Stop; what is being sent may end."""
        evaluator, self._evaluator = self._evaluator, None
        courier, self._courier = self._courier, None
        if evaluator is not None:
            evaluator.close()
        if courier is not None:
            courier.close()
        self.alerts.close()

    def _drawn(self, entry: HistoryEntry) -> Picture | None:
        if self._draw is None:
            return None
        try:
            return self._draw(entry, self.alerts.rule(entry.rule_id))
        except UnknownRuleError:
            # Deleted meanwhile; the text says it all.
            return None

    def test(self, channel_id: str | None = None) -> Sequence[Delivery]:
        """Send a test message to one channel of this viewer, or to all, at once; what became of each.

        Raises ChannelBusyError while one is on its way to any of them.
        """
        wanted = [channel for channel in self.channels if channel_id in (None, channel.id)]
        if not wanted:
            return []
        with self._reserved(wanted), ThreadPoolExecutor(len(wanted)) as pool:
            return list(pool.map(self._test, wanted))

    def _test(self, channel: Channel) -> Delivery:
        try:
            channel.send(trial_letter(str(uuid.uuid4()), base=self._address))
        except ChannelError as error:
            return Delivery(channel.id, channel.service, str(error))
        finally:
            if self._courier is None:
                # Nobody else would end its process.
                channel.rest()
        return Delivery(channel.id, channel.service, None)

    @contextmanager
    def _reserved(self, channels: Sequence[Channel]) -> Iterator[None]:
        with self._lock:
            for channel in channels:
                if channel.id in self._testing:
                    raise ChannelBusyError(
                        f"a test message is on its way to {channel.name} already; "
                        "wait for what becomes of it, half a minute at most"
                    )
            ids = {channel.id for channel in channels}
            self._testing |= ids
        try:
            yield
        finally:
            with self._lock:
                self._testing -= ids

    def keep_outcome(self, deliveries: Sequence[Delivery]) -> str:
        """Keep what became of a test for a while; the key by which `outcome` gives it."""
        key = str(uuid.uuid4())
        with self._lock:
            self._outcomes[key] = deliveries
            while len(self._outcomes) > _OUTCOMES:
                del self._outcomes[next(iter(self._outcomes))]
        return key

    def outcome(self, key: str) -> Sequence[Delivery]:
        """What became of a test; nothing where that is not known any more."""
        return self._outcomes.get(key, ())


def service_from_settings(dsn: str | None, *, address: str = "", draw: Draw | None = None) -> AlertService:
    """The alerts as the environment says; `address` is where links lead if it does not say that."""
    try:
        settings = settings_from_environment()
    except SettingError as error:
        return AlertService(Alerts(dsn), problem=str(error))
    return AlertService(
        Alerts(dsn, interval_seconds=settings.alert_interval_seconds),
        urls=settings.alert_urls,
        address=settings.viewer_url or address,
        rule_file=settings.alert_rules,
        draw=draw,
    )
