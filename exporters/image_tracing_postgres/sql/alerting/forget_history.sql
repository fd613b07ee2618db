WITH messages AS (
    DELETE FROM image_alert_messages
    WHERE created_at < now() - interval '30 days'
),
channels AS (
    DELETE FROM image_alert_channels
    WHERE seen_at < now() - interval '30 days'
),
snoozes AS (
    DELETE FROM image_alert_snoozes
    WHERE until < now()
)
DELETE FROM image_alert_transitions
WHERE at < now() - interval '400 days'
