-- The oldest message of a channel that nobody sends and that comes after none of the same rule and model.
WITH next AS (
    SELECT message.id, message.claimed_until IS NOT NULL AS was_claimed
    FROM image_alert_messages AS message
    WHERE message.channel_id = %(channel_id)s::text
        AND message.sent_at IS NULL
        AND message.given_up_at IS NULL
        AND message.due_at <= now()
        AND (message.claimed_until IS NULL OR message.claimed_until < now())
        AND NOT EXISTS (
            SELECT FROM image_alert_messages AS earlier
            WHERE earlier.channel_id = message.channel_id
                AND earlier.rule_id = message.rule_id
                AND earlier.subject = message.subject
                AND earlier.sent_at IS NULL
                AND earlier.given_up_at IS NULL
                AND (earlier.created_at, earlier.id) < (message.created_at, message.id)
        )
    ORDER BY message.created_at, message.id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE image_alert_messages AS message
SET claimed_by = %(by)s::uuid,
    claimed_until = now() + %(lease)s::double precision * interval '1 s',
    tries = message.tries + 1
FROM next, image_alert_transitions AS transition
WHERE message.id = next.id AND transition.id = message.transition_id
RETURNING
    message.id,
    message.tries,
    next.was_claimed,
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
    0,
    0
