"""The body of an OTLP/HTTP request for traces: within its limits, taken apart, and made into spans."""
