-- The traces behind an alarm about attempts: how many, from when to when they began, the newest of them, and why.
SELECT behind.*
FROM (
    WITH meant AS (
        SELECT trace.id, trace.created_at, found.ended_at, found.span_id, found.error_class
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
        ) AS found
        INNER JOIN image_traces AS trace ON trace.id = found.trace_id
    ),
    newest AS (
        SELECT id, ended_at, span_id
        FROM meant
        ORDER BY ended_at DESC, span_id DESC
        LIMIT %(examples)s
    ),
    classes AS (
        SELECT coalesce(error_class, '') AS name, count(*) AS number
        FROM meant
        GROUP BY coalesce(error_class, '')
    )
    SELECT
        (SELECT count(DISTINCT id) FROM meant),
        (SELECT min(created_at) FROM meant),
        (SELECT max(created_at) FROM meant),
        (SELECT array_agg(id ORDER BY ended_at DESC, span_id DESC) FROM newest),
        (SELECT jsonb_object_agg(name, number) FROM classes)
) AS behind
