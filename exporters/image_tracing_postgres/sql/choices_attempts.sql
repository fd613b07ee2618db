SELECT DISTINCT model, provider, error_class
FROM image_attempts
WHERE trace_id = ANY (%(ids)s::uuid[])
ORDER BY model, provider, error_class
