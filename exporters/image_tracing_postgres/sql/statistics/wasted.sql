-- The time of failed attempts, by the creation of their generation.
SELECT
    width_bucket(trace.created_at, %(starts)s::timestamptz[]) AS bucket,
    sum(least(greatest(attempt.duration_ms, 0), 2147483647))::bigint AS wasted_ms
FROM image_traces AS trace
JOIN image_attempts AS attempt ON attempt.trace_id = trace.id
WHERE
    trace.created_at >= %(start)s::timestamptz
    AND trace.created_at < %(stop)s::timestamptz
    AND NOT attempt.success
