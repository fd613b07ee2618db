"""Instrumentation for image generators: OpenTelemetry spans of generations and their attempts."""
