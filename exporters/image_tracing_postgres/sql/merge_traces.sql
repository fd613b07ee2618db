-- Until a root span has told its side, a trace holds what its attempts say together. The order of the rows is
-- the order of the locks: two writers of the same traces wait for each other instead of blocking each other.
INSERT INTO image_traces AS trace (
    id,
    created_at,
    completed_at,
    total_duration_ms,
    status,
    lesson_id,
    name,
    service_name,
    model_used,
    models_tried,
    error_class,
    error_message,
    request_data,
    response_data,
    otel_trace_id,
    otel_span_id,
    root_state,
    root_model_used,
    search_terms,
    updated_at
)
SELECT
    id,
    created_at,
    completed_at,
    total_duration_ms,
    status,
    lesson_id,
    name,
    service_name,
    model_used,
    models_tried,
    error_class,
    error_message,
    request_data,
    response_data,
    otel_trace_id,
    otel_span_id,
    root_state,
    root_model_used,
    search_terms,
    updated_at
FROM json_populate_recordset(NULL::image_traces, %(rows)s::json)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET
    created_at = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.created_at
        ELSE trace.created_at
    END,
    completed_at = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.completed_at
        ELSE trace.completed_at
    END,
    total_duration_ms = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.total_duration_ms
        ELSE trace.total_duration_ms
    END,
    status = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.status
        ELSE trace.status
    END,
    name = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.name
        ELSE trace.name
    END,
    model_used = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.model_used
        ELSE trace.model_used
    END,
    models_tried = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.models_tried
        ELSE trace.models_tried
    END,
    error_class = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.error_class
        ELSE trace.error_class
    END,
    error_message = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.error_message
        ELSE trace.error_message
    END,
    request_data = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.request_data
        ELSE trace.request_data
    END,
    response_data = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.response_data
        ELSE trace.response_data
    END,
    root_state = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.root_state
        ELSE trace.root_state
    END,
    root_model_used = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.root_model_used
        ELSE trace.root_model_used
    END,
    lesson_id = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.lesson_id
        WHEN trace.root_state = 'absent' THEN least(trace.lesson_id COLLATE "C", excluded.lesson_id COLLATE "C")
        ELSE trace.lesson_id
    END,
    service_name = CASE
        WHEN image_root_replaces(
            trace.root_state, trace.completed_at, excluded.root_state, excluded.completed_at
        ) THEN excluded.service_name
        WHEN trace.root_state = 'absent' THEN least(trace.service_name COLLATE "C", excluded.service_name COLLATE "C")
        ELSE trace.service_name
    END,
    search_terms = image_terms_of_both(trace.search_terms, excluded.search_terms),
    updated_at = excluded.updated_at
RETURNING trace.id::text, trace.xmax <> 0 AS was_there
