-- The columns of a stream: the columns of a table of traces, in the order of table.py, and each one's place in the order.
SELECT
    trace.id::text,
    trace.lesson_id,
    trace.status,
    trace.model_used,
    trace.models_tried,
    trace.total_duration_ms,
    nullif(trace.request_data, 'null')::text,
    nullif(trace.response_data, 'null')::text,
    trace.error_message,
    trace.error_class,
    trace.created_at,
    trace.completed_at,
    trace.name,
    trace.service_name,
    trace.otel_trace_id,
    trace.otel_span_id,
    trace.status = 'started' AND trace.created_at < %(stalled_before)s::timestamptz,
    concat(
        '[', (
            SELECT string_agg(
                image_attempt_text(attempt),
                ', '
                ORDER BY attempt.number, attempt.started_at, attempt.span_id
            )
            FROM image_attempts AS attempt
            WHERE attempt.trace_id = trace.id
        ),
        ']'
    ),
    trace.created_at,
    trace.id
