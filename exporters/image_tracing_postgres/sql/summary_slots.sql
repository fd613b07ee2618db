SELECT to_char(
    date_bin('5 minutes', began_at, '2000-01-01 00:00:00+00') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'
)
FROM (
    SELECT created_at AS began_at FROM image_traces WHERE id = ANY (%(ids)s::uuid[])
    UNION ALL
    SELECT started_at FROM image_attempts WHERE trace_id = ANY (%(ids)s::uuid[])
) AS times
GROUP BY 1
ORDER BY 1
