-- The columns of a page: each trace as the text of its JSON, and its place in the order. Put together by hand: see
-- image_attempt_text.
SELECT
    concat(
        '{"id": "', trace.id,
        '", "lesson_id": ', coalesce(to_json(trace.lesson_id), 'null'),
        ', "status": ', to_json(trace.status),
        ', "model_used": ', coalesce(to_json(trace.model_used), 'null'),
        ', "models_tried": ', to_json(trace.models_tried),
        ', "total_duration_ms": ', coalesce(to_json(trace.total_duration_ms), 'null'),
        ', "request_data": ', coalesce(trace.request_data, 'null'),
        ', "response_data": ', coalesce(trace.response_data, 'null'),
        ', "error_message": ', coalesce(to_json(trace.error_message), 'null'),
        ', "error_class": ', coalesce(to_json(trace.error_class), 'null'),
        ', "created_at": "', image_utc(trace.created_at),
        '", "completed_at": ', coalesce(to_json(image_utc(trace.completed_at)), 'null'),
        ', "name": ', coalesce(to_json(trace.name), 'null'),
        ', "service_name": ', coalesce(to_json(trace.service_name), 'null'),
        ', "otel_trace_id": ', to_json(trace.otel_trace_id),
        ', "otel_span_id": ', to_json(trace.otel_span_id),
        ', "is_stalled": ',
        to_json(trace.status = 'started' AND trace.created_at < %(stalled_before)s::timestamptz),
        ', "image_generation_attempts": [', (
            SELECT string_agg(
                image_attempt_text(attempt),
                ', '
                ORDER BY attempt.number, attempt.started_at, attempt.span_id
            )
            FROM image_attempts AS attempt
            WHERE attempt.trace_id = trace.id
        ),
        ']}'
    ) AS document,
    trace.created_at,
    trace.id
