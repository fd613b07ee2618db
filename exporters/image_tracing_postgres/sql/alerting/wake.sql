DELETE FROM image_alert_snoozes
WHERE rule_id = %(rule_id)s::text AND subject = %(subject)s::text
