-- Views for queries by hand and for dashboards, whose columns stay as they are; and the texts that exports are made of.

-- What an attempt asked for and what it gave, as the text of their JSON. These texts are put together by hand: the
-- functions that build JSON take twice the time, and an export is made of little else.
CREATE FUNCTION image_attempt_request(attempt image_attempts) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN concat(
    '{"prompt": ', coalesce(to_json(attempt.prompt), 'null'),
    ', "negative_prompt": ' || to_json(attempt.negative_prompt)::text,
    ', "model": ', coalesce(to_json(attempt.model), 'null'),
    ', "options": ', coalesce(attempt.options, '{}'),
    '}'
);

CREATE FUNCTION image_attempt_response(attempt image_attempts) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN attempt.extras IS NULL THEN concat(
        '{"success": ', to_json(attempt.success),
        ', "dataSize": ', attempt.size_bytes,
        ', "error": ', coalesce(to_json(attempt.error), 'null'),
        '}'
    )
    ELSE (
        attempt.extras || jsonb_build_object(
            'success', attempt.success,
            'dataSize', attempt.size_bytes,
            'error', attempt.error
        )
    )::text
END;

-- One attempt in the shape that the REST API, the exports and the view share.
CREATE FUNCTION image_attempt_text(attempt image_attempts) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN concat(
    '{"model": ', coalesce(to_json(attempt.model), 'null'),
    ', "provider": ', coalesce(to_json(attempt.provider), 'null'),
    ', "prompt": ', coalesce(to_json(attempt.prompt), 'null'),
    ', "request": ', image_attempt_request(attempt),
    ', "response": ', image_attempt_response(attempt),
    ', "duration_ms": ', coalesce(to_json(attempt.duration_ms), 'null'),
    ', "success": ', to_json(attempt.success),
    ', "error": ', coalesce(to_json(attempt.error), 'null'),
    ', "error_class": ', coalesce(to_json(attempt.error_class), 'null'),
    ', "outcome": ', to_json(attempt.outcome),
    ', "timestamp": "', image_utc(attempt.started_at),
    '", "number": ', attempt.number,
    ', "otel_span_id": ', to_json(attempt.span_id),
    ', "images": ', coalesce(attempt.images, '[]'),
    '}'
);

CREATE OR REPLACE FUNCTION image_attempt_document(attempt image_attempts) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
RETURN image_attempt_text(attempt)::json;

CREATE VIEW image_generation_report WITH (security_invoker = true) AS
SELECT
    trace.id,
    trace.created_at,
    trace.completed_at,
    trace.status,
    trace.name,
    trace.service_name,
    trace.lesson_id,
    trace.models_tried,
    trace.models_tried[1] AS first_model,
    trace.model_used,
    trace.total_duration_ms,
    trace.error_class,
    trace.error_message,
    trace.status <> 'started' AS has_ended,
    trace.status = 'started' AND trace.created_at < now() - interval '15 minutes' AS is_stalled,
    trace.status <> 'started' AND cardinality(trace.models_tried) > 1 AS is_fallback,
    trace.status = 'completed' AND cardinality(trace.models_tried) > 1 AS is_recovered,
    of_attempts.attempts,
    of_attempts.failed_attempts,
    of_attempts.wasted_ms,
    of_attempts.images,
    of_attempts.size_bytes,
    trace.otel_trace_id,
    trace.otel_span_id
FROM image_traces AS trace
-- One row in any case, so that the planner leaves it out where nobody asks for these columns.
LEFT JOIN LATERAL (
    SELECT
        count(*) AS attempts,
        count(*) FILTER (WHERE NOT attempt.success) AS failed_attempts,
        coalesce(
            sum(least(greatest(attempt.duration_ms, 0), 2147483647)) FILTER (WHERE NOT attempt.success), 0
        )::bigint AS wasted_ms,
        coalesce(
            sum(CASE WHEN jsonb_typeof(attempt.images) = 'array' THEN jsonb_array_length(attempt.images) END), 0
        ) AS images,
        coalesce(sum(attempt.size_bytes), 0) AS size_bytes
    FROM image_attempts AS attempt
    WHERE attempt.trace_id = trace.id
) AS of_attempts ON true;

CREATE VIEW image_attempt_report WITH (security_invoker = true) AS
SELECT
    attempt.trace_id,
    attempt.number,
    attempt.started_at,
    attempt.ended_at,
    attempt.duration_ms,
    attempt.model,
    attempt.provider,
    attempt.outcome,
    attempt.success,
    attempt.error_class,
    attempt.error,
    attempt.prompt,
    attempt.negative_prompt,
    attempt.options,
    CASE WHEN jsonb_typeof(attempt.images) = 'array' THEN jsonb_array_length(attempt.images) ELSE 0 END AS images,
    attempt.size_bytes,
    chance.is_one AS is_chance,
    chance.is_one AND attempt.success AS is_rescue,
    trace.status AS generation_status,
    trace.created_at AS generation_created_at,
    trace.name AS generation_name,
    trace.service_name,
    trace.lesson_id,
    trace.model_used,
    trace.otel_trace_id,
    attempt.span_id AS otel_span_id
FROM image_attempts AS attempt
LEFT JOIN image_traces AS trace ON trace.id = attempt.trace_id
LEFT JOIN LATERAL (
    SELECT coalesce(
        bool_or(NOT earlier.success AND earlier.model IS DISTINCT FROM attempt.model)
        AND NOT bool_or(earlier.success),
        false
    ) AS is_one
    FROM image_attempts AS earlier
    WHERE earlier.trace_id = attempt.trace_id
        AND (earlier.number, earlier.started_at, earlier.span_id)
        < (attempt.number, attempt.started_at, attempt.span_id)
) AS chance ON true;

COMMENT ON VIEW image_generation_report IS 'One row a generation. Columns stay as they are: docs/sql-views.md.';
COMMENT ON COLUMN image_generation_report.created_at IS 'When it began.';
COMMENT ON COLUMN image_generation_report.models_tried IS 'Each model once, in order of first try.';
COMMENT ON COLUMN image_generation_report.first_model IS 'The first of models_tried; null for none.';
COMMENT ON COLUMN image_generation_report.model_used IS 'The model that served; null for none.';
COMMENT ON COLUMN image_generation_report.is_stalled IS 'Began more than 15 minutes ago and has not ended.';
COMMENT ON COLUMN image_generation_report.is_fallback IS 'Ended, and more than one model was tried.';
COMMENT ON COLUMN image_generation_report.is_recovered IS 'Completed, and more than one model was tried.';
COMMENT ON COLUMN image_generation_report.wasted_ms IS 'The time of its failed attempts, each from 0 to 2,147,483,647.';
COMMENT ON COLUMN image_generation_report.images IS 'How many pictures its attempts returned.';
COMMENT ON COLUMN image_generation_report.size_bytes IS 'Sum over its pictures.';

COMMENT ON VIEW image_attempt_report IS 'One row an attempt. Columns stay as they are: docs/sql-views.md.';
COMMENT ON COLUMN image_attempt_report.trace_id IS 'The id of its generation.';
COMMENT ON COLUMN image_attempt_report.number IS 'Counts from 1 within the generation, in order of first try.';
COMMENT ON COLUMN image_attempt_report.duration_ms IS 'Null until it has ended.';
COMMENT ON COLUMN image_attempt_report.options IS 'The parameters of the call beside prompt and model.';
COMMENT ON COLUMN image_attempt_report.images IS 'How many pictures it returned.';
COMMENT ON COLUMN image_attempt_report.size_bytes IS 'Sum over its pictures.';
COMMENT ON COLUMN image_attempt_report.is_chance IS 'Another model had failed before in its generation, and none had succeeded.';
COMMENT ON COLUMN image_attempt_report.is_rescue IS 'It was a chance, and succeeded.';
COMMENT ON COLUMN image_attempt_report.model_used IS 'The model that served its generation; null for none.';

-- Supabase grants new tables to its browser roles.
DO $$
DECLARE
    browser_role text;
BEGIN
    FOR browser_role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
        EXECUTE format('REVOKE ALL ON image_generation_report, image_attempt_report FROM %I', browser_role);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT ON image_generation_report, image_attempt_report TO service_role;
    END IF;
END
$$;

INSERT INTO image_tracing_migrations (version, name) VALUES (6, 'views') ON CONFLICT (version) DO NOTHING;
