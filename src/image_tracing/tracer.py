"""The tracer of whatever provider is set now, and the context that carries generations and attempts."""

from contextvars import Token
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    NoOpTracer,
    NoOpTracerProvider,
    ProxyTracerProvider,
    Span,
    Tracer,
    TracerProvider,
)

from image_tracing._version import __version__
from image_tracing.attributes import SCHEMA_URL, SCOPE
from image_tracing.faults import tell_once

# The key under which the API keeps the current span, learned through its public functions.
(_SPAN_KEY,) = trace.set_span_in_context(trace.INVALID_SPAN, Context())
_CURRENT_KEY: Final = "image_tracing.current"
# Set by exporters around their own calls, by contrib's helper, and by util-genai's predecessors.
_SUPPRESS_KEYS: Final = frozenset(
    {
        getattr(context_api, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation"),
        "suppress_instrumentation",
        "suppress_language_model_instrumentation",
    }
)

_provider: object = None
_tracer: Tracer | None = None


def active_tracer() -> Tracer | None:
    """The tracer to record with; None when nothing would come of it.

    Looked up at every call, so that a provider set later, or another one, is found.
    """
    global _provider, _tracer
    provider = trace.get_tracer_provider()
    if provider is not _provider:
        if isinstance(provider, ProxyTracerProvider):
            return None
        _tracer = _tracer_of(provider)
        _provider = provider
    if _tracer is None:
        return None
    context = context_api.get_current()
    if not _SUPPRESS_KEYS.isdisjoint(context) and any(context.get(key) for key in _SUPPRESS_KEYS):
        return None
    return _tracer


def _tracer_of(provider: TracerProvider) -> Tracer | None:
    if isinstance(provider, NoOpTracerProvider):
        return None
    try:
        found = provider.get_tracer(SCOPE, __version__, schema_url=SCHEMA_URL)
    except Exception:  # noqa: BLE001 - a provider of somebody else's must not hurt the host
        tell_once("get a tracer")
        return None
    return None if isinstance(found, NoOpTracer) else found


def current() -> Any:
    """The generation or attempt of this context, or None."""
    return context_api.get_current().get(_CURRENT_KEY)


def context_with(span: Span, value: object) -> Context:
    """The current context with `span` as its span and `value` as its generation or attempt."""
    return Context({**context_api.get_current(), _SPAN_KEY: span, _CURRENT_KEY: value})


def detach(token: Token[Context]) -> None:
    """Give back the context before `token`; silently nothing if that was taken in another task or thread."""
    try:
        token.var.reset(token)
    except (ValueError, RuntimeError):
        return
    except AttributeError:
        # A runtime context of somebody else's making, with tokens of its own.
        context_api.detach(token)
