-- The figures of the counted attempts, a row a subject, those with most attempts first.
SELECT figures.*
FROM (
    WITH placed AS (
        SELECT
            counted.*,
            row_number() OVER (
                PARTITION BY counted.subject
                ORDER BY counted.ended_at DESC, counted.started_at DESC, counted.span_id DESC
            ) AS place
        FROM counted
    ),
    summed AS (
        SELECT
            subject,
            count(*) AS count,
            count(*) FILTER (WHERE has_failed) AS failed,
            coalesce(min(place) FILTER (WHERE NOT has_failed) - 1, count(*)) AS run,
            count(*) FILTER (WHERE place <= %(newest)s::bigint) AS recent,
            count(*) FILTER (WHERE has_failed AND place <= %(newest)s::bigint) AS recent_failed,
            percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms
        FROM placed
        GROUP BY subject
    ),
    runs AS (
        SELECT placed.subject, min(placed.started_at) AS began_at
        FROM placed
        INNER JOIN summed ON summed.subject = placed.subject AND summed.run >= placed.place
        GROUP BY placed.subject
    )
    SELECT
        summed.subject,
        summed.count,
        summed.failed,
        summed.run,
        coalesce(extract(epoch FROM %(now)s::timestamptz - runs.began_at), 0)::double precision AS run_seconds,
        summed.recent,
        summed.recent_failed,
        summed.p95_ms
    FROM summed
    LEFT JOIN runs ON runs.subject = summed.subject
) AS figures
ORDER BY figures.count DESC, figures.subject
LIMIT %(most)s
