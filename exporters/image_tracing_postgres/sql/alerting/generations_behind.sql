-- The traces behind an alarm about generations: how many, from when to when they began, the newest of them, and why.
SELECT behind.*
FROM (
    WITH meant AS (
        SELECT counted.id, counted.created_at, counted.has_failed, counted.error_class
        FROM counted
        WHERE CASE %(kind)s::text
                WHEN 'fallback_rate' THEN counted.fell_back
                WHEN 'failed_generations' THEN counted.has_failed
                WHEN 'time_to_picture' THEN counted.is_late
                ELSE false
            END
    ),
    newest AS (
        SELECT DISTINCT created_at, id
        FROM meant
        ORDER BY created_at DESC, id DESC
        LIMIT %(examples)s
    ),
    classes AS (
        SELECT coalesce(error_class, '') AS name, count(DISTINCT id) AS number
        FROM meant
        WHERE has_failed
        GROUP BY coalesce(error_class, '')
    )
    SELECT
        (SELECT count(DISTINCT id) FROM meant),
        (SELECT min(created_at) FROM meant),
        (SELECT max(created_at) FROM meant),
        (SELECT array_agg(id ORDER BY created_at DESC, id DESC) FROM newest),
        (SELECT jsonb_object_agg(name, number) FROM classes)
) AS behind
