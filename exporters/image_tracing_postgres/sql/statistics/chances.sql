-- Attempts before which another model had failed in the same generation while none had succeeded, and which of
-- them succeeded.
SELECT
    width_bucket(started_at, %(starts)s::timestamptz[]) AS bucket,
    provider,
    model,
    count(*) AS chances,
    count(*) FILTER (WHERE success) AS rescues
FROM image_attempts AS attempt
WHERE
    started_at >= %(start)s::timestamptz
    AND started_at < %(stop)s::timestamptz
    AND EXISTS (
        SELECT FROM image_attempts AS before
        WHERE before.trace_id = attempt.trace_id
            AND (before.number, before.started_at, before.span_id)
            < (attempt.number, attempt.started_at, attempt.span_id)
            AND NOT before.success
            AND before.model IS DISTINCT FROM attempt.model
    )
    AND NOT EXISTS (
        SELECT FROM image_attempts AS before
        WHERE before.trace_id = attempt.trace_id
            AND (before.number, before.started_at, before.span_id)
            < (attempt.number, attempt.started_at, attempt.span_id)
            AND before.success
    )
