SELECT evaluated_at, duration_ms, problems
FROM image_alert_evaluations
WHERE id = 1
