-- Spans of other instrumentations do not name their generation: what is above each decides where it belongs, and
-- may arrive later.

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

CREATE INDEX image_foreign_spans_seen ON image_foreign_spans (seen_at);

CREATE INDEX image_traces_otel ON image_traces (otel_trace_id);

ALTER TABLE image_foreign_spans ENABLE ROW LEVEL SECURITY;

-- Supabase grants new tables to its browser roles, and Row Level Security does not cover TRUNCATE.
DO $$
DECLARE
    browser_role text;
BEGIN
    FOR browser_role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
        EXECUTE format('REVOKE ALL ON image_foreign_spans FROM %I', browser_role);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON image_foreign_spans TO service_role;
    END IF;
END
$$;

INSERT INTO image_tracing_migrations (version, name) VALUES (3, 'foreign_spans')
ON CONFLICT (version) DO NOTHING;
