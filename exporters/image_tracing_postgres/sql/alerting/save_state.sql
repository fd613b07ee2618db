INSERT INTO image_alert_states (
    rule_id, subject, status, since, is_told, told_at, heard_at, breaches, clears, finding, value, count,
    evaluated_at
)
VALUES (
    %(rule_id)s::text, %(subject)s::text, %(status)s::text, %(since)s::timestamptz, %(is_told)s::boolean,
    %(told_at)s::timestamptz, %(heard_at)s::timestamptz, %(breaches)s::integer, %(clears)s::integer,
    %(finding)s::text, %(value)s::double precision, %(count)s::bigint, %(now)s::timestamptz
)
ON CONFLICT (rule_id, subject) DO UPDATE
SET status = excluded.status,
    since = excluded.since,
    is_told = excluded.is_told,
    told_at = excluded.told_at,
    heard_at = excluded.heard_at,
    breaches = excluded.breaches,
    clears = excluded.clears,
    finding = excluded.finding,
    value = excluded.value,
    count = excluded.count,
    evaluated_at = excluded.evaluated_at
