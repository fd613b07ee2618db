"""Durations and tokens of attempts and generations, to whatever meter provider is set now.

Sources: OpenTelemetry semantic conventions 1.41.0, registry "gen_ai", for attempts; the same registry in its
own repository, as released by opentelemetry-util-genai 1.3b0, for generations. Without a meter provider
nothing is measured.
"""

from collections.abc import Mapping
from time import time_ns
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.metrics import Meter, MeterProvider, NoOpMeter, get_meter_provider

from image_tracing import attributes as names
from image_tracing._version import __version__
from image_tracing.faults import tell_once

OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
TOKENS_USED: Final = "gen_ai.client.token.usage"
WORKFLOW_DURATION: Final = "gen_ai.invoke_workflow.duration"
TYPE_OF_TOKENS: Final = "gen_ai.token.type"

# The convention's own end at 82 seconds, and pictures may wait in a queue: three more of them. Those that
# both have stay comparable.
OPERATION_SECONDS: Final = tuple(round(0.01 * 2**power, 2) for power in range(17))
WORKFLOW_SECONDS: Final = (1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200)
TOKENS: Final = tuple(4**power for power in range(14))

_OF_OPERATIONS: Final = (
    names.OPERATION_NAME,
    names.PROVIDER_NAME,
    names.REQUEST_MODEL,
    names.RESPONSE_MODEL,
    names.SERVER_ADDRESS,
    names.SERVER_PORT,
)
# Models and generations can be named by the users of the host. The SDK sums what is beyond 2,000 sets of
# attributes up without any, and its older versions keep all: here the names beyond these share one, which
# conventions use where a value is none of the known ones.
NAMES_LIMIT: Final = 500
OTHER: Final = "_OTHER"
_NAMED_BY_USERS: Final = (names.REQUEST_MODEL, names.RESPONSE_MODEL)
# What the API answers with while no provider is set; the classes have no public name.
_UNSET: Final = frozenset({"_ProxyMeterProvider", "NoOpMeterProvider"})


class Instruments:
    """The histograms of one meter provider."""

    __slots__ = ("_models", "_workflows", "operation_duration", "token_usage", "workflow_duration")

    def __init__(self, meter: Meter) -> None:
        self._models: set[str] = set()
        self._workflows: set[str] = set()
        self.operation_duration = meter.create_histogram(
            OPERATION_DURATION,
            "s",
            "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=OPERATION_SECONDS,
        )
        self.token_usage = meter.create_histogram(
            TOKENS_USED,
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self.workflow_duration = meter.create_histogram(
            WORKFLOW_DURATION,
            "s",
            "GenAI workflow duration.",
            explicit_bucket_boundaries_advisory=WORKFLOW_SECONDS,
        )

    def model(self, name: str) -> str:
        """The name of a model as measurements have it."""
        return _bounded(name, self._models)

    def workflow(self, name: str) -> str:
        """The name of a generation as measurements have it."""
        return _bounded(name, self._workflows)


def _bounded(name: str, known: set[str]) -> str:
    if name not in known:
        # Threads may get past this together, and then there are a few more.
        if len(known) >= NAMES_LIMIT:
            return OTHER
        known.add(name)
    return name


class Stopwatch:
    """The time since one attempt or generation began, until it is recorded."""

    __slots__ = ("_began_ns", "_instruments")

    def __init__(self, instruments: Instruments, began_ns: int) -> None:
        self._instruments = instruments
        self._began_ns = began_ns

    def record_attempt(self, attributes: Mapping[str, Any], context: Context, end_time: int | None) -> None:
        """Record how long an attempt with these span attributes took, and the tokens it tells of.

        `context` has its span, so that an exemplar leads to the trace.
        """
        told = {name: attributes[name] for name in _OF_OPERATIONS if name in attributes}
        for name in _NAMED_BY_USERS:
            if name in told:
                told[name] = self._instruments.model(told[name])
        for name, kind in (
            (names.USAGE_INPUT_TOKENS, "input"),
            (names.USAGE_OUTPUT_TOKENS, "output"),
        ):
            tokens = attributes.get(name)
            if tokens is not None:
                self._instruments.token_usage.record(tokens, {**told, TYPE_OF_TOKENS: kind}, context)
        if names.ERROR_TYPE in attributes:
            told[names.ERROR_TYPE] = attributes[names.ERROR_TYPE]
        self._instruments.operation_duration.record(self._seconds(end_time), told, context)

    def record_generation(
        self, name: str, error_type: str | None, context: Context, end_time: int | None
    ) -> None:
        """Record how long a generation of this name took."""
        told = {names.WORKFLOW_NAME: self._instruments.workflow(name)}
        if error_type is not None:
            told[names.ERROR_TYPE] = error_type
        self._instruments.workflow_duration.record(self._seconds(end_time), told, context)

    def _seconds(self, end_time: int | None) -> float:
        """As long as the span, by the same clock; that may have been set back."""
        return max(0, (time_ns() if end_time is None else end_time) - self._began_ns) / 1e9


_known: tuple[MeterProvider | None, Instruments | None] = (None, None)


def stopwatch(start_time: int | None) -> Stopwatch | None:
    """A stopwatch started now, or at `start_time` in nanoseconds since 1970; None when nothing is measured.

    The meter provider is looked up at every call, so that one set later, or another one, is found.
    """
    global _known
    try:
        provider = get_meter_provider()
        known, instruments = _known
        if provider is not known:
            instruments = _instruments_of(provider)
            _known = provider, instruments
        if instruments is None:
            return None
        return Stopwatch(instruments, time_ns() if start_time is None else start_time)
    except Exception:  # noqa: BLE001 - instrumentation never hurts the host
        tell_once("measure an attempt")
        return None


def _instruments_of(provider: MeterProvider) -> Instruments | None:
    if type(provider).__name__ in _UNSET:
        return None
    meter = provider.get_meter(names.SCOPE, __version__, names.SCHEMA_URL)
    # A disabled SDK answers with one of these.
    return None if isinstance(meter, NoOpMeter) else Instruments(meter)
