"""What the attempts of one generation have told so far, from however many threads and tasks."""

from dataclasses import dataclass
from threading import Lock

from image_tracing.attributes import ErrorClass


@dataclass(slots=True)
class Failure:
    """Why an attempt or a generation failed; `message` is never empty."""

    message: str
    error_class: ErrorClass
    error_type: str


class Tally:
    """Counts and last words of a generation's attempts."""

    __slots__ = (
        "_hashes", "_last_failed", "_last_succeeded", "_lock", "_started",
        "ended", "failure", "filtered", "generated", "model_used", "models_tried",
    )  # fmt: skip

    def __init__(self) -> None:
        self._lock = Lock()
        self._started = 0
        self._last_failed = 0
        self._last_succeeded = 0
        self._hashes: set[str] = set()
        self.ended = 0
        self.generated = 0
        self.filtered = 0
        self.failure: Failure | None = None
        self.model_used: str | None = None
        self.models_tried: dict[str, None] = {}

    def begin(self, model: str | None) -> int:
        """Count an attempt in; its number, from 1."""
        with self._lock:
            self._started += 1
            if model is not None:
                self.models_tried.setdefault(model)
            return self._started

    def try_model(self, model: str) -> None:
        """Note the model of an attempt that began without one."""
        with self._lock:
            self.models_tried.setdefault(model)

    def is_repeated(self, sha256: str) -> bool:
        """Whether a picture with this hash was told before; from now on it is."""
        with self._lock:
            if sha256 in self._hashes:
                return True
            self._hashes.add(sha256)
            return False

    def succeed(self, number: int, model: str | None, *, generated: int, filtered: int) -> None:
        """Count an attempt out that gave a picture."""
        with self._lock:
            self.ended += 1
            self.generated += generated
            self.filtered += filtered
            if number > self._last_succeeded:
                self._last_succeeded = number
                self.model_used = model

    def fail(self, number: int, failure: Failure, *, filtered: int) -> None:
        """Count an attempt out that gave none."""
        with self._lock:
            self.ended += 1
            self.filtered += filtered
            if number > self._last_failed:
                self._last_failed = number
                self.failure = failure

    @property
    def attempts(self) -> int:
        return self._started

    @property
    def has_only_failures(self) -> bool:
        """There were attempts, all have ended, and none gave a picture."""
        return 0 < self._started == self.ended and not self._last_succeeded
