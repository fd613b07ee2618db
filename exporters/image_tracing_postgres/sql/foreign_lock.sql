-- Two writers must not place the spans of one OpenTelemetry trace at the same time. In one order for all.
SELECT pg_advisory_xact_lock(key)
FROM (
    SELECT hashtextextended(otel_trace_id, 0) AS key
    FROM unnest(%(otel_trace_ids)s::text[]) AS asked (otel_trace_id)
    ORDER BY key
) AS keys
