SELECT otel_trace_id, span_id, parent_span_id, workflow::text
FROM image_foreign_spans
WHERE otel_trace_id = ANY (%(otel_trace_ids)s)
ORDER BY otel_trace_id, span_id
