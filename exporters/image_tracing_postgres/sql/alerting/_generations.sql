-- The generations of each stretch of time, as they are now; the filters of the list follow.
SELECT
    spell.place,
    trace.id,
    trace.created_at,
    trace.error_class,
    has_ended,
    CASE
        WHEN has_ended THEN trace.status = 'failed' OR coalesce(trace.total_duration_ms > %(duration_ms)s::bigint, false)
        ELSE coalesce(trace.created_at < %(now)s::timestamptz - %(duration_ms)s::bigint * interval '1 ms', false)
    END AS is_late,
    has_ended AND trace.status = 'failed' AS has_failed,
    has_ended AND cardinality(trace.models_tried) > 1 AS fell_back
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS spell (since, until, place)
INNER JOIN image_traces AS trace ON trace.created_at >= spell.since AND trace.created_at < spell.until
CROSS JOIN LATERAL (
    SELECT
        trace.status <> 'started'
        AND coalesce(trace.completed_at, trace.created_at) <= %(now)s::timestamptz AS has_ended
) AS told
