-- Generations of each bucket by what they have in common; durations as in attempts.sql, of completed ones only.
SELECT
    bucket,
    status,
    models_tried,
    first_model,
    served_by,
    sum(generations)::bigint AS generations,
    sum(duration_ms)::bigint AS duration_ms,
    array_agg(least_ms ORDER BY least_ms) FILTER (WHERE least_ms IS NOT NULL) AS least_ms,
    array_agg(generations ORDER BY least_ms) FILTER (WHERE least_ms IS NOT NULL) AS numbers
FROM (
    SELECT
        width_bucket(created_at, %(starts)s::timestamptz[]) AS bucket,
        status,
        cardinality(models_tried) AS models_tried,
        models_tried[1] AS first_model,
        model_used AS served_by,
        count(*) AS generations,
        sum(least(greatest(total_duration_ms, 0), 2147483647)) FILTER (WHERE status = 'completed') AS duration_ms,
        min(least(greatest(total_duration_ms, 0), 2147483647)) FILTER (WHERE status = 'completed') AS least_ms
    FROM image_traces AS trace
    WHERE
        created_at >= %(start)s::timestamptz
        AND created_at < %(stop)s::timestamptz
