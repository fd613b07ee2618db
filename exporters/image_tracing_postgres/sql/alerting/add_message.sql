INSERT INTO image_alert_messages (id, channel_id, transition_id, rule_id, subject, created_at, due_at)
VALUES (
    %(id)s::uuid, %(channel_id)s::text, %(transition_id)s::uuid, %(rule_id)s::text, %(subject)s::text, now(), now()
)
