-- The complete schema of image-tracing: what all numbered files beside it make together. Runs as it stands
-- in psql and in any SQL editor, with or without Supabase's roles, on Postgres 15 and later.

CREATE TABLE IF NOT EXISTS image_tracing_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text,
    applied_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE image_tracing_migrations IS
    'Which numbered files of image-tracing ran here. The checksum is null for a file that was pasted by hand.';

CREATE TABLE image_traces (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    updated_at timestamptz NOT NULL,
    total_duration_ms bigint,
    status text NOT NULL CHECK (status IN ('started', 'completed', 'failed')),
    lesson_id text,
    name text,
    service_name text,
    model_used text,
    models_tried text[] NOT NULL DEFAULT '{}',
    error_class text,
    error_message text,
    request_data jsonb,
    response_data jsonb,
    otel_trace_id text NOT NULL,
    otel_span_id text NOT NULL,
    root_state text NOT NULL CHECK (
        root_state IN ('absent', 'started', 'interrupted', 'completed', 'failed')
    ),
    root_model_used text,
    search_terms integer[] NOT NULL DEFAULT '{}',
    -- Clients read no time outside the years 1 to 9999 of their zone; one such row would cost its whole page.
    CONSTRAINT image_traces_times CHECK (
        created_at BETWEEN '0001-01-02 00:00:00+00' AND '9999-12-30 00:00:00+00'
        AND completed_at BETWEEN '0001-01-02 00:00:00+00' AND '9999-12-30 00:00:00+00'
        AND updated_at BETWEEN '0001-01-02 00:00:00+00' AND '9999-12-30 00:00:00+00'
    )
);

COMMENT ON TABLE image_traces IS 'One row a generation: one request for pictures.';
COMMENT ON COLUMN image_traces.id IS 'uuid5 of the root span''s trace id and span id, so that a repeat gives the same row.';
COMMENT ON COLUMN image_traces.updated_at IS 'The writer''s clock at the last write.';
COMMENT ON COLUMN image_traces.models_tried IS 'Each model once, in order of first try.';
COMMENT ON COLUMN image_traces.root_state IS 'What the root span itself said, or interrupted; status also weighs the attempts.';
COMMENT ON COLUMN image_traces.root_model_used IS 'The model the root span named; model_used falls back to the last successful attempt.';
COMMENT ON COLUMN image_traces.search_terms IS 'Hashes of the models, providers, classes and words to be found by.';

CREATE TABLE image_attempts (
    trace_id uuid NOT NULL,
    span_id text COLLATE "C" NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    duration_ms bigint,
    size_bytes bigint NOT NULL DEFAULT 0,
    number integer NOT NULL,
    success boolean NOT NULL,
    model text,
    provider text,
    outcome text NOT NULL CHECK (
        outcome IN ('ok', 'no_image', 'refused', 'blank', 'corrupt', 'mismatch', 'duplicate', 'error')
    ),
    error_class text,
    error text,
    prompt text,
    negative_prompt text,
    options jsonb,
    extras jsonb,
    images jsonb,
    PRIMARY KEY (trace_id, span_id),
    CONSTRAINT image_attempts_times CHECK (
        started_at BETWEEN '0001-01-02 00:00:00+00' AND '9999-12-30 00:00:00+00'
        AND ended_at BETWEEN '0001-01-02 00:00:00+00' AND '9999-12-30 00:00:00+00'
    )
);

COMMENT ON TABLE image_attempts IS 'One row an attempt: one call of one model. trace_id is image_traces.id.';
COMMENT ON COLUMN image_attempts.options IS 'The parameters of the call beside prompt and model.';
COMMENT ON COLUMN image_attempts.extras IS 'What the caller added to the response; null when nothing.';
COMMENT ON COLUMN image_attempts.size_bytes IS 'Sum over the attempt''s pictures.';

CREATE TABLE image_foreign_spans (
    otel_trace_id text COLLATE "C" NOT NULL,
    span_id text COLLATE "C" NOT NULL,
    parent_span_id text COLLATE "C",
    workflow jsonb,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (otel_trace_id, span_id)
);

COMMENT ON TABLE image_foreign_spans IS 'Spans of other instrumentations and what is above them, for thirty days: an attempt with a span above it, or a workflow.';
COMMENT ON COLUMN image_foreign_spans.workflow IS 'The row of image_traces that a workflow becomes once an attempt is below it; null for attempts.';
COMMENT ON COLUMN image_foreign_spans.seen_at IS 'The writer''s clock at the first write.';

CREATE TABLE image_summary_changes (
    id uuid PRIMARY KEY,
    slots timestamptz[] NOT NULL
);

COMMENT ON TABLE image_summary_changes IS 'The five minutes whose sums have to be computed anew. Whoever writes or deletes rows adds one line in the same transaction, and waits for nobody.';
COMMENT ON COLUMN image_summary_changes.slots IS 'Beginnings of five minutes, counted from the hour.';

CREATE TABLE image_generation_summaries (
    level text COLLATE "C" NOT NULL CHECK (level IN ('slot', 'hour', 'six_hours', 'day', 'week', 'month')),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    completed bigint NOT NULL,
    failed bigint NOT NULL,
    started bigint NOT NULL,
    recovered bigint NOT NULL,
    wasted_ms bigint NOT NULL,
    timed bigint NOT NULL,
    duration_ms bigint NOT NULL,
    percentiles_ms integer[],
    least_ms integer[] NOT NULL,
    numbers integer[] NOT NULL,
    flows jsonb NOT NULL,
    PRIMARY KEY (level, starts_at, ends_at)
);

COMMENT ON TABLE image_generation_summaries IS 'Sums over the generations that were created in a stretch of time.';
COMMENT ON COLUMN image_generation_summaries.level IS 'slot: five minutes, absent when empty. The longer ones are those of some time zone, and absent until somebody asks.';
COMMENT ON COLUMN image_generation_summaries.timed IS 'How many of the completed ones have a duration; duration_ms is the sum.';
COMMENT ON COLUMN image_generation_summaries.percentiles_ms IS 'p50, p90, p95 and p99 of the time to picture.';
COMMENT ON COLUMN image_generation_summaries.least_ms IS 'Times to picture, of those within one percent the least; numbers says how many each stands for.';
COMMENT ON COLUMN image_generation_summaries.flows IS 'How many ended with so many models tried, this one first, that one serving.';

CREATE TABLE image_attempt_summaries (
    level text COLLATE "C" NOT NULL CHECK (level IN ('slot', 'hour', 'six_hours', 'day', 'week', 'month')),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    subject text COLLATE "C" NOT NULL CHECK (subject IN ('all', 'model', 'provider', 'pair')),
    key bytea NOT NULL,
    model text,
    provider text,
    attempts bigint NOT NULL,
    succeeded bigint NOT NULL,
    images bigint NOT NULL,
    size_bytes numeric NOT NULL,
    chances bigint NOT NULL,
    rescues bigint NOT NULL,
    timed bigint NOT NULL,
    duration_ms bigint NOT NULL,
    percentiles_ms integer[],
    least_ms integer[] NOT NULL,
    numbers integer[] NOT NULL,
    outcomes jsonb NOT NULL,
    error_classes jsonb NOT NULL,
    PRIMARY KEY (level, starts_at, ends_at, subject, key)
);

COMMENT ON TABLE image_attempt_summaries IS 'Sums over the attempts that started in a stretch of time: in slots of each pair of model and provider, else of all, of each model and of each provider.';
COMMENT ON COLUMN image_attempt_summaries.key IS 'A hash of model and provider, which may be long.';

CREATE TABLE image_alert_rules (
    id text COLLATE "C" PRIMARY KEY,
    source text NOT NULL CHECK (source IN ('viewer', 'file')),
    definition jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);

COMMENT ON TABLE image_alert_rules IS 'Alert rules that somebody wrote, and presets that somebody changed; the other presets are in the code.';

CREATE TABLE image_alert_snoozes (
    rule_id text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (rule_id, subject)
);

COMMENT ON TABLE image_alert_snoozes IS 'Until when nothing is sent about a rule, or about one model of it.';

CREATE TABLE image_alert_states (
    rule_id text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    status text NOT NULL CHECK (status IN ('ok', 'firing', 'recovered', 'no_data')),
    since timestamptz NOT NULL,
    is_told boolean NOT NULL,
    told_at timestamptz,
    heard_at timestamptz,
    breaches integer NOT NULL,
    clears integer NOT NULL,
    finding text NOT NULL,
    value double precision,
    count bigint NOT NULL,
    evaluated_at timestamptz NOT NULL,
    PRIMARY KEY (rule_id, subject)
);

COMMENT ON TABLE image_alert_states IS 'What the last step of the evaluation found, a line a rule and model.';
COMMENT ON COLUMN image_alert_states.subject IS 'The model, empty where a rule looks at all of them together.';

CREATE TABLE image_alert_transitions (
    id uuid PRIMARY KEY,
    rule_id text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    status text NOT NULL,
    before text NOT NULL,
    at timestamptz NOT NULL,
    is_told boolean NOT NULL,
    value double precision,
    count bigint NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    query text NOT NULL,
    evidence jsonb NOT NULL
);

COMMENT ON TABLE image_alert_transitions IS 'The history of the alerts.';
COMMENT ON COLUMN image_alert_transitions.is_told IS 'Whether the channels were to hear of it: not while snoozed, nor within the cooldown.';
COMMENT ON COLUMN image_alert_transitions.query IS 'The query string with which the list shows the traces behind it.';
COMMENT ON COLUMN image_alert_transitions.evidence IS 'From when to when the traces behind it began, some of their ids, their error classes.';

CREATE TABLE image_alert_channels (
    id text COLLATE "C" PRIMARY KEY,
    service text NOT NULL,
    seen_at timestamptz NOT NULL,
    sent_at timestamptz,
    failed_at timestamptz,
    problem text
);

COMMENT ON TABLE image_alert_channels IS 'Where alerts are sent to. The id is a slow hash of the address, which itself is in no table.';
COMMENT ON COLUMN image_alert_channels.problem IS 'Why the last message was not taken; null when it was.';

CREATE TABLE image_alert_messages (
    id uuid PRIMARY KEY,
    channel_id text COLLATE "C" NOT NULL,
    transition_id uuid NOT NULL,
    rule_id text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    claimed_by uuid,
    claimed_until timestamptz,
    sent_at timestamptz,
    given_up_at timestamptz
);

COMMENT ON TABLE image_alert_messages IS 'What is to be sent, a line a transition and channel, written with the transition.';
COMMENT ON COLUMN image_alert_messages.claimed_until IS 'A viewer sends it, and says so again and again; past this time that viewer is dead.';

CREATE TABLE image_alert_evaluations (
    id integer PRIMARY KEY CHECK (id = 1),
    evaluated_at timestamptz NOT NULL,
    duration_ms bigint NOT NULL,
    problems jsonb NOT NULL
);

COMMENT ON TABLE image_alert_evaluations IS 'One line: when the rules were evaluated last, and which could not be.';

CREATE INDEX image_traces_newest ON image_traces (created_at DESC, id DESC);

CREATE INDEX image_traces_lesson ON image_traces (lesson_id, created_at DESC, id DESC);

CREATE INDEX image_traces_status ON image_traces (status, created_at DESC, id DESC);

CREATE INDEX image_traces_updated ON image_traces (updated_at);

CREATE INDEX image_traces_otel ON image_traces (otel_trace_id);

CREATE INDEX image_attempts_started ON image_attempts (started_at);

CREATE INDEX image_foreign_spans_seen ON image_foreign_spans (seen_at);

CREATE INDEX image_traces_terms ON image_traces USING gin (search_terms);

CREATE INDEX image_alert_transitions_newest ON image_alert_transitions (at DESC, id DESC);

CREATE INDEX image_alert_transitions_subject ON image_alert_transitions (rule_id, subject, at DESC);

CREATE INDEX image_alert_messages_waiting ON image_alert_messages (channel_id, created_at)
    WHERE sent_at IS NULL AND given_up_at IS NULL;

CREATE INDEX image_alert_messages_transition ON image_alert_messages (transition_id);

ALTER TABLE image_traces ALTER COLUMN search_terms SET STATISTICS 400;

-- lz4 costs half of pglz, but a server can be built without it.
DO $$
DECLARE
    target record;
BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        FOR target IN
            SELECT attrelid::regclass AS relation, attname AS name
            FROM pg_attribute
            WHERE attrelid IN ('image_traces'::regclass, 'image_attempts'::regclass)
                AND attnum > 0
                AND attstorage = 'x'
        LOOP
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET COMPRESSION lz4', target.relation, target.name);
        END LOOP;
    END IF;
END
$$;

-- The merge of two arrays must not depend on which came first.
CREATE FUNCTION image_terms_of_both(integer[], integer[]) RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN $1 @> $2 THEN $1
    ELSE (
        SELECT array_agg(term ORDER BY term::text COLLATE "C")
        FROM (SELECT DISTINCT unnest($1 || $2) AS term) AS terms
    ) END;

CREATE FUNCTION image_models_once(text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT coalesce(array_agg(model ORDER BY place), '{}')
    FROM (
        SELECT model, min(place) AS place
        FROM unnest($1) WITH ORDINALITY AS tried (model, place)
        WHERE model IS NOT NULL
        GROUP BY model
    ) AS once
);

-- Whether a root span's second telling replaces the first: an end beats an interruption, an interruption beats a
-- start, and a later end an earlier one. Nobody knows when an interrupted generation would have ended.
CREATE FUNCTION image_root_replaces(
    old_state text,
    old_end timestamptz,
    new_state text,
    new_end timestamptz
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN new_state <> 'absent' AND (
    old_state = 'absent'
    OR old_state = 'started' AND new_state = 'interrupted'
    OR coalesce(new_end > coalesce(old_end, '-infinity'), false)
);

CREATE FUNCTION image_utc(timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN replace(to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000', '');

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

CREATE FUNCTION image_attempt_document(attempt image_attempts) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
RETURN image_attempt_text(attempt)::json;

-- A computed column: SELECT t.*, t.image_generation_attempts FROM image_traces t.
CREATE FUNCTION image_generation_attempts(trace image_traces) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(
        jsonb_agg(
            image_attempt_document(attempt)::jsonb
            ORDER BY attempt.number, attempt.started_at, attempt.span_id
        ),
        '[]'
    )
    FROM image_attempts AS attempt
    WHERE attempt.trace_id = trace.id
);

CREATE VIEW image_trace_documents WITH (security_invoker = true) AS
SELECT
    trace.id,
    trace.lesson_id,
    trace.status,
    trace.model_used,
    trace.models_tried,
    trace.total_duration_ms,
    trace.request_data,
    trace.response_data,
    trace.error_message,
    trace.error_class,
    trace.created_at,
    trace.completed_at,
    trace.name,
    trace.service_name,
    trace.otel_trace_id,
    trace.otel_span_id,
    trace.status = 'started' AND trace.created_at < now() - interval '15 minutes' AS is_stalled,
    trace.image_generation_attempts
FROM image_traces AS trace;

COMMENT ON VIEW image_trace_documents IS 'One row a generation with its attempts as one document.';

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

ALTER TABLE image_tracing_migrations ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_traces ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_attempts ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_foreign_spans ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_summary_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_generation_summaries ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_attempt_summaries ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_rules ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_snoozes ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_states ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_transitions ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_channels ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_messages ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_evaluations ENABLE ROW LEVEL SECURITY;

-- With the rights of its owner, so that a writer needs none but those to the traces and attempts. Its table is bound
-- here: one of that name among the caller's own would not be taken for it. Whatever anybody tells, slots are kept.
CREATE FUNCTION image_summary_tell(id uuid, slots timestamptz[]) RETURNS void
LANGUAGE sql SECURITY DEFINER
BEGIN ATOMIC
    INSERT INTO image_summary_changes (id, slots)
    SELECT $1, array_agg(DISTINCT date_bin('5 minutes', told.slot, '2000-01-01 00:00:00+00'))
    FROM unnest($2) AS told (slot)
    WHERE isfinite(told.slot)
    HAVING count(*) > 0; END;

-- Supabase grants new tables to its browser roles, and Row Level Security does not cover TRUNCATE.
DO $$
DECLARE
    browser_role text;
BEGIN
    FOR browser_role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
        EXECUTE format(
            'REVOKE ALL ON image_tracing_migrations, image_traces, image_attempts, image_foreign_spans, '
            'image_summary_changes, image_generation_summaries, image_attempt_summaries, '
            'image_alert_rules, image_alert_snoozes, image_alert_states, image_alert_transitions, '
            'image_alert_channels, image_alert_messages, image_alert_evaluations, '
            'image_trace_documents, image_generation_report, image_attempt_report FROM %I',
            browser_role
        );
        EXECUTE format('REVOKE ALL ON FUNCTION image_summary_tell FROM PUBLIC, %I', browser_role);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE
            ON image_traces, image_attempts, image_foreign_spans,
                image_summary_changes, image_generation_summaries, image_attempt_summaries,
                image_alert_rules, image_alert_snoozes, image_alert_states,
                image_alert_transitions, image_alert_channels, image_alert_messages,
                image_alert_evaluations
            TO service_role;
        GRANT SELECT
            ON image_tracing_migrations, image_trace_documents, image_generation_report, image_attempt_report
            TO service_role;
        GRANT EXECUTE ON FUNCTION image_summary_tell TO service_role;
    END IF;
END
$$;

INSERT INTO image_tracing_migrations (version, name) VALUES (1, 'image_traces'), (2, 'interrupted'), (3, 'foreign_spans'),
    (4, 'summaries'), (5, 'alerts'), (6, 'views')
ON CONFLICT (version) DO NOTHING;
