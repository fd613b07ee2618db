"""How much one request may hold, and what is told to a sender who goes beyond."""

from typing import Final, NoReturn

from image_tracing_viewer.errors import RequestError

SENT_MAX_BYTES: Final = 16 * 1024 * 1024
INFLATED_MAX_BYTES: Final = 64 * 1024 * 1024
# Resource, scope and span messages.
MESSAGES_MAX: Final = 10_000
# What is below them: fields in protobuf, values in JSON. A parser makes an object of 50 to 200 bytes of each.
FIELDS_MAX: Final = 500_000
ATTRIBUTES_MAX: Final = 128
EVENTS_MAX: Final = 128


def refuse_messages() -> NoReturn:
    """Raises the 413 for too many messages."""
    raise RequestError(
        413,
        f"the request holds more than {MESSAGES_MAX} resource, scope and span messages; send smaller batches",
    )


def refuse_fields() -> NoReturn:
    """Raises the 413 for too many parts within the messages."""
    raise RequestError(
        413, f"the request holds more than {FIELDS_MAX} fields or values; send smaller batches"
    )


def refuse_malformed(found: str) -> NoReturn:
    """Raises the 400 for a body that cannot be taken apart."""
    raise RequestError(
        400,
        f"the body should be an ExportTraceServiceRequest of OTLP, and {found}",
        code="malformed_body",
    )
