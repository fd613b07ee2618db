"""The body of an OTLP/HTTP request for traces: within its limits, taken apart, and made into spans."""

from typing import Final

INGEST_PATH: Final = "/v1/traces"
"""Where spans are sent to."""
