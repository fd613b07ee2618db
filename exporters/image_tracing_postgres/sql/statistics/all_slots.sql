-- Five minutes in which something began or of which sums are kept, the newest first.
SELECT date_bin('5 minutes', created_at, '2000-01-01 00:00:00+00') AS slot FROM image_traces
UNION
SELECT date_bin('5 minutes', started_at, '2000-01-01 00:00:00+00') FROM image_attempts
UNION
SELECT starts_at FROM image_generation_summaries WHERE level = 'slot'
ORDER BY slot DESC
