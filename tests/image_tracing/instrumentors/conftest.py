"""A server of ours in the place of a provider, and the attempts that instrumented calls left."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import certifi
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from tests.conftest import Spans
from tests.image_tracing.instrumentors.servers import Api

import image_tracing

# Left out where the oldest OpenTelemetry is tested, and the registry beside it has other names.
_IS_NEW = find_spec("opentelemetry.util.genai") is not None


@pytest.fixture(autouse=True)
def _conforming(spans: Spans) -> Iterator[None]:
    """Whatever a test here makes an SDK do, the spans that are left keep to the conventions they claim."""
    yield
    if _IS_NEW:
        from tests.image_tracing.conventions import violations

        ours = [
            span
            for span in spans.finished()
            if span.instrumentation_scope is not None and span.instrumentation_scope.name == "image_tracing"
        ]
        assert [(span.name, wrong) for span in ours if (wrong := violations(span))] == []


@pytest.fixture(scope="session", autouse=True)
def _one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each client loads the certificates of all authorities, half the time of these tests: here of one."""
    end = "-----END CERTIFICATE-----\n"
    path = tmp_path_factory.mktemp("authorities") / "one.pem"
    path.write_text(
        Path(certifi.where()).read_text(encoding="utf-8").partition(end)[0] + end, encoding="utf-8"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        patch.delenv("SSL_CERT_DIR", raising=False)
        yield


@pytest.fixture
def api() -> Iterator[Api]:
    """A server on this machine; tell it what to answer."""
    server = Api()
    yield server
    server.close()


class Attempts:
    """The attempts that ended in this test, in the order of their ends."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans

    @property
    def all(self) -> list[ReadableSpan]:
        return [
            span
            for span in self._spans.finished()
            if span.instrumentation_scope is not None
            and span.instrumentation_scope.name == "image_tracing"
            and (span.attributes or {}).get("image_generation.role") == "attempt"
        ]

    @property
    def span(self) -> ReadableSpan:
        """The only attempt."""
        [span] = self.all
        return span

    @property
    def only(self) -> dict[str, Any]:
        """The attributes of the only attempt."""
        return dict(self.span.attributes or {})

    @property
    def outcome(self) -> tuple[str, str | None]:
        """Outcome and error class of the only attempt."""
        attributes = self.only
        return attributes["image_generation.outcome"], attributes.get("image_generation.error.category")


@pytest.fixture
def attempts(spans: Spans) -> Attempts:
    """What instrumented calls left: `only`, the attributes of the only attempt, `outcome`, `span`, `all`."""
    return Attempts(spans)


@pytest.fixture(autouse=True)
def _uninstrumented() -> Iterator[None]:
    """Every test leaves the SDKs as they were."""
    yield
    image_tracing.uninstrument()
