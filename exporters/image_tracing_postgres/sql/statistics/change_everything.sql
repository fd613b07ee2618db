INSERT INTO image_summary_changes (id, slots)
SELECT gen_random_uuid(), array_agg(slot ORDER BY slot)
FROM (
    SELECT date_bin('5 minutes', created_at, '2000-01-01 00:00:00+00') AS slot FROM image_traces
    UNION
    SELECT date_bin('5 minutes', started_at, '2000-01-01 00:00:00+00') FROM image_attempts
    UNION
    SELECT starts_at FROM image_generation_summaries WHERE level = 'slot'
) AS slots
GROUP BY date_bin('4 hours', slot, '2000-01-01 00:00:00+00')
