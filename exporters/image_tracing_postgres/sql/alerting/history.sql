SELECT
    transition.id,
    transition.rule_id,
    transition.subject,
    transition.status,
    transition.before,
    transition.at,
    transition.is_told,
    transition.value,
    transition.count,
    transition.title,
    transition.body,
    transition.query,
    transition.evidence,
    (SELECT count(*) FROM image_alert_messages AS message WHERE message.transition_id = transition.id),
    (
        SELECT count(*)
        FROM image_alert_messages AS message
        WHERE message.transition_id = transition.id AND message.sent_at IS NOT NULL
    )
FROM image_alert_transitions AS transition
WHERE (%(rule_id)s::text IS NULL OR transition.rule_id = %(rule_id)s::text)
    AND (
        %(before)s::uuid IS NULL
        OR (transition.at, transition.id) < (
            SELECT earlier.at, earlier.id
            FROM image_alert_transitions AS earlier
            WHERE earlier.id = %(before)s::uuid
        )
    )
ORDER BY transition.at DESC, transition.id DESC
LIMIT %(limit)s
