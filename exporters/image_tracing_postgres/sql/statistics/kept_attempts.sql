SELECT
    kept.starts_at,
    kept.ends_at,
    subject,
    model,
    provider,
    attempts,
    succeeded,
    images,
    size_bytes,
    chances,
    rescues,
    timed,
    duration_ms,
    percentiles_ms,
    CASE WHEN %(with_sketches)s THEN least_ms END AS least_ms,
    CASE WHEN %(with_sketches)s THEN numbers END AS numbers,
    outcomes,
    error_classes
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS asked (starts_at, ends_at)
JOIN image_attempt_summaries AS kept
    ON kept.level = %(level)s
    AND kept.starts_at = asked.starts_at
    AND kept.ends_at = asked.ends_at
-- Of providers nothing is told over time.
WHERE %(with_sketches)s OR subject <> 'provider'
ORDER BY kept.starts_at, kept.ends_at, subject, key
