"""Exceptions of image-tracing."""

from image_tracing.attributes import ErrorClass, Outcome


class ImageTracingError(Exception):
    """The root of every exception that image-tracing raises."""


class UsageError(ImageTracingError, TypeError):
    """A decorator or argument that cannot work; raised at decoration, never at a call."""


class NoImageError(ImageTracingError):
    """An attempt with `require_image=True` returned without a usable picture.

    `outcome` says what came instead (`no_image`, `refused`, `blank`, `corrupt` or `error`), `error_class` is
    its class, and `model` the model that was asked, if known.
    """

    def __init__(
        self,
        message: str,
        *,
        outcome: Outcome = "no_image",
        error_class: ErrorClass = "no_image",
        model: str | None = None,
    ) -> None:
        super().__init__(message)
        self.outcome: Outcome = outcome
        self.error_class: ErrorClass = error_class
        self.model = model
