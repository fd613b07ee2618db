-- The traces behind an alarm about generations: how many, from when to when they began, the newest of them, and why.
SELECT
    count(DISTINCT counted.id),
    min(counted.created_at),
    max(counted.created_at),
    (array_agg(counted.id ORDER BY counted.created_at DESC, counted.id DESC))[1:%(examples)s::integer],
    array_agg(coalesce(counted.error_class, '')) FILTER (WHERE counted.has_failed)
FROM counted
WHERE CASE %(kind)s::text
        WHEN 'fallback_rate' THEN counted.fell_back
        WHEN 'failed_generations' THEN counted.has_failed
        WHEN 'time_to_picture' THEN counted.is_late
        ELSE false
    END
