)
SELECT
    width_bucket(started_at, %(starts)s::timestamptz[]) AS bucket,
    provider,
    model,
    count(*) AS chances,
    count(*) FILTER (WHERE success) AS rescues
FROM asked
CROSS JOIN LATERAL (
    SELECT
        trace_id,
        started_at,
        provider,
        model,
        success,
        outcome,
        error_class,
        count(*) FILTER (WHERE success) OVER before AS successes_before,
        count(*) FILTER (WHERE NOT success) OVER before AS failures_before,
        count(*) FILTER (WHERE NOT success) OVER of_model AS failures_of_model_before
    FROM image_attempts
    WHERE trace_id = asked.trace_id
    WINDOW
        before AS (ORDER BY number, started_at, span_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        of_model AS (
            PARTITION BY model
            ORDER BY number, started_at, span_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
) AS attempt
WHERE
    started_at >= %(start)s::timestamptz
    AND started_at < %(stop)s::timestamptz
    AND successes_before = 0
    AND failures_before > failures_of_model_before
