SELECT id, status, updated_at
FROM image_traces
WHERE updated_at > %(since)s::timestamptz
ORDER BY updated_at, id
LIMIT %(limit)s
