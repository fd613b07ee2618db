INSERT INTO image_alert_transitions (
    id, rule_id, subject, status, before, at, is_told, value, count, title, body, query, evidence
)
VALUES (
    %(id)s::uuid, %(rule_id)s::text, %(subject)s::text, %(status)s::text, %(before)s::text, %(at)s::timestamptz,
    %(is_told)s::boolean, %(value)s::double precision, %(count)s::bigint, %(title)s::text, %(body)s::text,
    %(query)s::text, %(evidence)s::jsonb
)
