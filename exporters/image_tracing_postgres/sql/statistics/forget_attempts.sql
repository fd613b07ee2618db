-- What is kept of a stretch of time, and of longer ones that share some of it; no month is longer than 31 days and
-- an hour of a clock set back.
DELETE FROM image_attempt_summaries
WHERE
    starts_at < %(stop)s::timestamptz
    AND ends_at > %(start)s::timestamptz
    AND (
        (level = 'slot' AND starts_at >= %(start)s::timestamptz)
        OR (level = 'hour' AND starts_at > %(start)s::timestamptz - interval '2 hours')
        OR (level = 'six_hours' AND starts_at > %(start)s::timestamptz - interval '10 hours')
        OR (level = 'day' AND starts_at > %(start)s::timestamptz - interval '2 days')
        OR (level = 'week' AND starts_at > %(start)s::timestamptz - interval '8 days')
        OR (level = 'month' AND starts_at > %(start)s::timestamptz - interval '33 days')
    )
