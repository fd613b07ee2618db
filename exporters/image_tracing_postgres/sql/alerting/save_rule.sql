INSERT INTO image_alert_rules (id, source, definition, updated_at)
VALUES (%(id)s::text, %(source)s::text, %(definition)s::jsonb, now())
ON CONFLICT (id) DO UPDATE
SET source = excluded.source, definition = excluded.definition, updated_at = excluded.updated_at
