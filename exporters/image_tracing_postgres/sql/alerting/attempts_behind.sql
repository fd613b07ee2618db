-- The traces behind an alarm about attempts: how many, from when to when they began, the newest of them, and why.
SELECT
    count(DISTINCT trace.id),
    min(trace.created_at),
    max(trace.created_at),
    (array_agg(trace.id ORDER BY meant.ended_at DESC, meant.span_id DESC))[1:%(examples)s::integer],
    array_agg(coalesce(meant.error_class, ''))
FROM (
    SELECT counted.*
    FROM counted
    WHERE counted.subject = %(subject)s::text
        AND CASE
            WHEN %(least_ms)s::bigint IS NULL THEN counted.has_failed
            ELSE counted.duration_ms >= %(least_ms)s::bigint
        END
    ORDER BY counted.ended_at DESC, counted.started_at DESC, counted.span_id DESC
    LIMIT %(newest)s::bigint
) AS meant
INNER JOIN image_traces AS trace ON trace.id = meant.trace_id
