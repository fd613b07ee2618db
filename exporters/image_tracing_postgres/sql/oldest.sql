SELECT id FROM image_traces
ORDER BY created_at, id
LIMIT %(limit)s
