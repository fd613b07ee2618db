-- The attempts of some OpenTelemetry traces that are among these spans.
SELECT trace.otel_trace_id, attempt.trace_id::text, attempt.span_id
FROM image_traces AS trace
JOIN image_attempts AS attempt ON attempt.trace_id = trace.id
WHERE trace.otel_trace_id = ANY (%(otel_trace_ids)s)
    AND attempt.span_id = ANY (%(span_ids)s)
ORDER BY attempt.trace_id, attempt.span_id
