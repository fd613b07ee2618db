-- What follows from a root and all of its attempts; rows.py says the same of traces that are new.
UPDATE image_traces AS trace
SET
    created_at = CASE
        WHEN trace.root_state = 'absent' THEN seen.started_at
        ELSE trace.created_at
    END,
    status = CASE
        WHEN trace.root_state = 'completed' AND NOT seen.is_successful THEN 'failed'
        WHEN trace.root_state IN ('completed', 'failed') THEN trace.root_state
        WHEN trace.root_state = 'interrupted' THEN 'failed'
        ELSE 'started'
    END,
    models_tried = seen.models_tried,
    model_used = coalesce(trace.root_model_used, seen.successful_model),
    error_class = CASE
        WHEN trace.root_state IN ('failed', 'interrupted') THEN trace.error_class
        WHEN trace.root_state = 'completed' AND NOT seen.is_successful THEN seen.error_class
    END,
    error_message = CASE
        WHEN trace.root_state IN ('failed', 'interrupted') THEN trace.error_message
        WHEN trace.root_state = 'completed' AND NOT seen.is_successful THEN seen.error
    END
FROM (
    SELECT
        trace_id,
        min(started_at) AS started_at,
        bool_or(success) AS is_successful,
        image_models_once(array_agg(model ORDER BY number, started_at, span_id)) AS models_tried,
        (
            array_agg(model ORDER BY number DESC, started_at DESC, span_id DESC) FILTER (WHERE success)
        )[1] AS successful_model,
        (array_agg(error_class ORDER BY number DESC, started_at DESC, span_id DESC))[1] AS error_class,
        (array_agg(error ORDER BY number DESC, started_at DESC, span_id DESC))[1] AS error
    FROM image_attempts
    WHERE trace_id = ANY (%(ids)s::uuid[])
    GROUP BY trace_id
) AS seen
WHERE trace.id = seen.trace_id
