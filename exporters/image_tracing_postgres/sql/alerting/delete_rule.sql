DELETE FROM image_alert_rules
WHERE id = %(id)s::text
