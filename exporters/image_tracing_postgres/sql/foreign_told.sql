-- The row is there by now, and goes when it is deleted; a second copy of what it says would stay.
UPDATE image_foreign_spans
SET workflow = NULL
WHERE otel_trace_id = %(otel_trace_id)s
    AND span_id = %(span_id)s
