SELECT id, source, definition
FROM image_alert_rules
ORDER BY id
