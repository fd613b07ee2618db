-- Generations whose process ended before they did: whoever finds that out says it for the root span.

ALTER TABLE image_traces DROP CONSTRAINT image_traces_root_state_check;

ALTER TABLE image_traces ADD CONSTRAINT image_traces_root_state_check CHECK (
    root_state IN ('absent', 'started', 'interrupted', 'completed', 'failed')
);

COMMENT ON COLUMN image_traces.root_state IS 'What the root span itself said, or interrupted; status also weighs the attempts.';

-- Whether a root span's second telling replaces the first: an end beats an interruption, an interruption beats a
-- start, and a later end an earlier one. Nobody knows when an interrupted generation would have ended.
CREATE OR REPLACE FUNCTION image_root_replaces(
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

INSERT INTO image_tracing_migrations (version, name) VALUES (2, 'interrupted')
ON CONFLICT (version) DO NOTHING;
