UPDATE image_alert_messages
SET given_up_at = now(), claimed_until = NULL
WHERE sent_at IS NULL
    AND given_up_at IS NULL
    AND created_at < now() - interval '1 day'
    AND (claimed_until IS NULL OR claimed_until < now())
