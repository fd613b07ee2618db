-- The columns of a page: each trace as one JSON text, its place in the order, and whether it is truly meant. What
-- the filters found by hash is looked at here, after the limit, so that it costs no more than the page.
SELECT
    json_build_object(
        'id', trace.id,
        'lesson_id', trace.lesson_id,
        'status', trace.status,
        'model_used', trace.model_used,
        'models_tried', trace.models_tried,
        'total_duration_ms', trace.total_duration_ms,
        'request_data', trace.request_data,
        'response_data', trace.response_data,
        'error_message', trace.error_message,
        'error_class', trace.error_class,
        'created_at', image_utc(trace.created_at),
        'completed_at', image_utc(trace.completed_at),
        'name', trace.name,
        'service_name', trace.service_name,
        'otel_trace_id', trace.otel_trace_id,
        'otel_span_id', trace.otel_span_id,
        'is_stalled', trace.status = 'started' AND trace.created_at < %(stalled_before)s::timestamptz,
        'image_generation_attempts', (
            SELECT coalesce(
                json_agg(
                    image_attempt_document(attempt)
                    ORDER BY attempt.number, attempt.started_at, attempt.span_id
                ),
                '[]'
            )
            FROM image_attempts AS attempt
            WHERE attempt.trace_id = trace.id
        )
    )::text AS document,
    trace.created_at,
    trace.id
