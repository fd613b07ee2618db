SELECT rule_id, subject, until
FROM image_alert_snoozes
WHERE until > coalesce(%(now)s::timestamptz, now())
