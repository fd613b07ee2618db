UPDATE image_alert_evaluations
SET duration_ms = %(duration_ms)s::bigint, problems = %(problems)s::jsonb
WHERE id = 1
