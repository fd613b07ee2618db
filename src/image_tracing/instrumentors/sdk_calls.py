"""What an instrumentor knows of one function of its SDK."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar

from opentelemetry.context import get_current

from image_tracing.attributes import ErrorClass
from image_tracing.faults import tell_once
from image_tracing.parameters import Parameters
from image_tracing.tracer import active_tracer

if TYPE_CHECKING:
    from image_tracing.instrumentors.recordings import CallRecording

V = TypeVar("V")
# The arguments of one call by name, defaults applied: `self` is among them, and so are an SDK's sentinels.
Arguments: TypeAlias = Mapping[str, Any]
# A constant, or what tells it for each call.
Told: TypeAlias = V | Callable[[Arguments], V | None] | None

# Marks a call of an SDK in its context: calls below it are parts of it.
CALL_KEY: Final = "image_tracing.sdk_call"
# What `SdkCall.result` answers when the call goes on after the return.
UNFINISHED: Final = object()


class SdkCall(NamedTuple):
    """How calls of one function become attempts; fields are given by name.

    `model`, `prompt`, `negative_prompt`: where absent, the arguments of these names. `request`: where absent,
    all other arguments but those in `ignore`. `base_url` tells `server.address` and `.port`, `attributes`
    others that samplers may ask for. `is_wanted` says whether a call is about pictures at all.

    `result` sees what was returned and answers with what is to be read for pictures, most often the same, or
    with `UNFINISHED` if the recording goes on; `error` sees what was raised and answers with its error class
    where the classifier cannot know it. Both may `tell` facts. None of these functions can hurt the call:
    what they raise is logged once.
    """

    provider: Told[str]
    model: Told[object] = None
    prompt: Told[object] = None
    negative_prompt: Told[object] = None
    request: Told[Mapping[str, Any]] = None
    ignore: frozenset[str] = frozenset()
    base_url: Told[object] = None
    attributes: Told[Mapping[str, Any]] = None
    is_wanted: Callable[[Arguments], bool] | None = None
    result: "Callable[[CallRecording, Any], object] | None" = None
    error: "Callable[[CallRecording, BaseException], ErrorClass | None] | None" = None


def current_call() -> "CallRecording | None":
    """The innermost call of an instrumented SDK in this context that goes on."""
    call: CallRecording | None = get_current().get(CALL_KEY)  # type: ignore[assignment]
    return None if call is None or call.is_ended else call


class Begin:
    """Begins the recording of each call; all that records is imported when there is something to record."""

    __slots__ = ("_begin", "_call", "_is_on", "_parameters")

    def __init__(self, call: SdkCall, function: Callable[..., Any], is_on: Callable[[], bool]) -> None:
        self._call = call
        self._is_on = is_on
        self._parameters = Parameters(function)
        self._begin: Callable[..., Any] | None = None

    def __call__(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], started_at: int | None = None
    ) -> Any:
        """The recording of one call, None where nothing is recorded; `started_at` in ns, if not now."""
        tracer = active_tracer() if self._is_on() else None
        if tracer is None:
            return None
        begin = self._begin
        if begin is None:
            try:
                from image_tracing.instrumentors.recordings import beginning_of

                begin = self._begin = beginning_of(self._call, self._parameters)
            except Exception:  # noqa: BLE001 - at the end of a program nothing can be imported any more
                tell_once("begin an attempt")
                return None
        return begin(tracer, args, kwargs, started_at)
