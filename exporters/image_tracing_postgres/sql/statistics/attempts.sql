-- Attempts of each bucket by what they have in common. Durations up to 100 ms are told one by one, longer ones
-- with those within one percent as the least of them: enough for percentiles, and a thousandth of the rows.
SELECT
    bucket,
    provider,
    model,
    success,
    outcome,
    error_class,
    sum(attempts)::bigint AS attempts,
    sum(images)::bigint AS images,
    sum(size_bytes) AS size_bytes,
    sum(duration_ms)::bigint AS duration_ms,
    array_agg(least_ms ORDER BY least_ms) FILTER (WHERE least_ms IS NOT NULL) AS least_ms,
    array_agg(attempts ORDER BY least_ms) FILTER (WHERE least_ms IS NOT NULL) AS numbers
FROM (
    SELECT
        width_bucket(started_at, %(starts)s::timestamptz[]) AS bucket,
        provider,
        model,
        success,
        outcome,
        error_class,
        count(*) AS attempts,
        sum(CASE jsonb_typeof(images) WHEN 'array' THEN jsonb_array_length(images) ELSE 0 END) AS images,
        sum(size_bytes) AS size_bytes,
        sum(least(greatest(duration_ms, 0), 2147483647)) AS duration_ms,
        min(least(greatest(duration_ms, 0), 2147483647)) AS least_ms
    FROM image_attempts AS attempt
    WHERE
        started_at >= %(start)s::timestamptz
        AND started_at < %(stop)s::timestamptz
