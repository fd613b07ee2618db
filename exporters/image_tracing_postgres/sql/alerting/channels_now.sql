-- Those that some viewer had within a day: one that is being restarted is no reason to lose a message.
SELECT id
FROM image_alert_channels
WHERE seen_at > now() - interval '1 day'
ORDER BY id
