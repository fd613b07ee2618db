-- Alerts: their rules and states, what happened, and what is to be sent about it.

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

CREATE INDEX image_alert_transitions_newest ON image_alert_transitions (at DESC, id DESC);

CREATE INDEX image_alert_transitions_subject ON image_alert_transitions (rule_id, subject, at DESC);

CREATE INDEX image_alert_messages_waiting ON image_alert_messages (channel_id, created_at)
    WHERE sent_at IS NULL AND given_up_at IS NULL;

CREATE INDEX image_alert_messages_transition ON image_alert_messages (transition_id);

ALTER TABLE image_alert_rules ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_snoozes ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_states ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_transitions ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_channels ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_messages ENABLE ROW LEVEL SECURITY;

ALTER TABLE image_alert_evaluations ENABLE ROW LEVEL SECURITY;

-- Supabase grants new tables to its browser roles, and Row Level Security does not cover TRUNCATE.
DO $$
DECLARE
    browser_role text;
BEGIN
    FOR browser_role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
        EXECUTE format(
            'REVOKE ALL ON image_alert_rules, image_alert_snoozes, image_alert_states, image_alert_transitions, '
            'image_alert_channels, image_alert_messages, image_alert_evaluations FROM %I',
            browser_role
        );
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE
            ON image_alert_rules, image_alert_snoozes, image_alert_states,
                image_alert_transitions, image_alert_channels, image_alert_messages,
                image_alert_evaluations
            TO service_role;
    END IF;
END
$$;

-- Who may read the traces may read the alerts, and who may delete traces, as a viewer does, may change them.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT acl.grantee::regrole::text AS role, bool_or(acl.privilege_type = 'DELETE') AS may_change
        FROM pg_class, aclexplode(relacl) AS acl
        WHERE oid = 'image_traces'::regclass
            AND acl.grantee NOT IN (0, relowner)
            AND acl.grantee::regrole::text NOT IN ('anon', 'authenticated', 'service_role')
            AND acl.privilege_type IN ('SELECT', 'DELETE')
        GROUP BY acl.grantee
    LOOP
        EXECUTE format(
            'GRANT SELECT%s ON image_alert_rules, image_alert_snoozes, image_alert_states, image_alert_transitions, '
            'image_alert_channels, image_alert_messages, image_alert_evaluations TO %s',
            CASE WHEN given.may_change THEN ', INSERT, UPDATE, DELETE' ELSE '' END,
            given.role
        );
    END LOOP;
END
$$;

INSERT INTO image_tracing_migrations (version, name) VALUES (5, 'alerts')
ON CONFLICT (version) DO NOTHING;
