-- A claim that has run out marks what may have arrived: doubt is 0 for that, and else NULL, as is its sum.
WITH kept AS (
    UPDATE image_alert_messages
    SET claimed_by = NULL,
        claimed_until = now() + %(doubt)s::double precision * interval '1 s',
        due_at = now() + %(pause)s::double precision * interval '1 s'
    WHERE id = %(id)s::uuid AND claimed_by = %(by)s::uuid AND sent_at IS NULL
    RETURNING channel_id
)
UPDATE image_alert_channels AS channel
SET failed_at = now(), problem = %(problem)s::text
FROM kept
WHERE channel.id = kept.channel_id
