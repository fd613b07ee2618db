INSERT INTO image_alert_snoozes (rule_id, subject, until)
VALUES (%(rule_id)s::text, %(subject)s::text, %(until)s::timestamptz)
ON CONFLICT (rule_id, subject) DO UPDATE SET until = excluded.until
