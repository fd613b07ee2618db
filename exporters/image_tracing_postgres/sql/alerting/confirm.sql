WITH told AS (
    UPDATE image_alert_messages
    SET sent_at = now(), claimed_until = NULL
    WHERE id = %(id)s::uuid AND claimed_by = %(by)s::uuid AND sent_at IS NULL
    RETURNING channel_id
)
UPDATE image_alert_channels AS channel
SET sent_at = now(), problem = NULL
FROM told
WHERE channel.id = told.channel_id
