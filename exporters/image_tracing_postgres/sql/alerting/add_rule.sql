INSERT INTO image_alert_rules (id, source, definition, updated_at)
VALUES (%(id)s::text, %(source)s::text, %(definition)s::jsonb, now())
ON CONFLICT (id) DO NOTHING
