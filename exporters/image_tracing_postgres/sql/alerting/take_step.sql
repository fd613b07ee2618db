INSERT INTO image_alert_evaluations AS evaluation (id, evaluated_at, duration_ms, problems)
VALUES (1, %(now)s::timestamptz, 0, '{}')
ON CONFLICT (id) DO UPDATE SET evaluated_at = excluded.evaluated_at
WHERE evaluation.evaluated_at < %(step_began_at)s::timestamptz
