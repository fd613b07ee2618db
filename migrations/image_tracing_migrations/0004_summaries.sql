-- Sums for the statistics, of every five minutes in which something began and of longer stretches as they are asked
-- for. Each can be computed anew from the rows at any time.

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

CREATE INDEX image_attempts_started ON image_attempts (started_at);

ALTER TABLE image_summary_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_generation_summaries ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_attempt_summaries ENABLE ROW LEVEL SECURITY;

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
            'REVOKE ALL ON image_summary_changes, image_generation_summaries, image_attempt_summaries FROM %I',
            browser_role
        );
        EXECUTE format('REVOKE ALL ON FUNCTION image_summary_tell FROM PUBLIC, %I', browser_role);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE
            ON image_summary_changes, image_generation_summaries, image_attempt_summaries TO service_role;
        GRANT EXECUTE ON FUNCTION image_summary_tell TO service_role;
    END IF;
END
$$;

-- Who may read the rows may read their sums, and who may write them may tell, also where not everybody may.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT
            acl.grantee::regrole::text AS name,
            bool_or(acl.privilege_type = 'SELECT') AS may_read,
            bool_or(acl.privilege_type <> 'SELECT') AS may_write
        FROM pg_class, aclexplode(relacl) AS acl
        WHERE oid = 'image_traces'::regclass
            AND acl.grantee NOT IN (0, relowner)
            AND acl.grantee::regrole::text NOT IN ('anon', 'authenticated', 'service_role')
            AND acl.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
        GROUP BY acl.grantee
    LOOP
        IF given.may_write THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION image_summary_tell TO %s', given.name);
        END IF;
        IF given.may_read THEN
            EXECUTE format(
                'GRANT SELECT ON image_summary_changes, image_generation_summaries, image_attempt_summaries TO %s',
                given.name
            );
        END IF;
    END LOOP;
END
$$;

-- Writers that began before they could tell what they change have to end first.
DO $$
BEGIN
    LOCK TABLE image_traces, image_attempts IN SHARE MODE;
END
$$;

INSERT INTO image_summary_changes (id, slots)
SELECT gen_random_uuid(), array_agg(slot ORDER BY slot)
FROM (
    SELECT date_bin('5 minutes', created_at, '2000-01-01 00:00:00+00') AS slot FROM image_traces
    UNION
    SELECT date_bin('5 minutes', started_at, '2000-01-01 00:00:00+00') FROM image_attempts
) AS slots
GROUP BY date_bin('4 hours', slot, '2000-01-01 00:00:00+00');

INSERT INTO image_tracing_migrations (version, name) VALUES (4, 'summaries')
ON CONFLICT (version) DO NOTHING;
