SELECT
    spell.until <= (SELECT min(created_at) FROM image_traces) AS is_before_all,
    counted.began,
    counted.ended,
    counted.failed,
    counted.fell_back,
    counted.ended + counted.overdue,
    counted.late + counted.overdue
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS spell (since, until, place)
CROSS JOIN LATERAL (
    SELECT
        count(*) AS began,
        count(*) FILTER (WHERE has_ended) AS ended,
        count(*) FILTER (WHERE has_ended AND status = 'failed') AS failed,
        count(*) FILTER (WHERE has_ended AND cardinality(models_tried) > 1) AS fell_back,
        count(*) FILTER (
            WHERE has_ended AND (status = 'failed' OR total_duration_ms > %(duration_ms)s::bigint)
        ) AS late,
        count(*) FILTER (
            WHERE NOT has_ended AND created_at < %(now)s::timestamptz - %(duration_ms)s::bigint * interval '1 ms'
        ) AS overdue
    FROM generations
    WHERE created_at >= spell.since AND created_at < spell.until
) AS counted
ORDER BY spell.place
