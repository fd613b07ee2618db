SELECT id, service_name, error_class
FROM image_traces
ORDER BY created_at DESC, id DESC
LIMIT %(limit)s
