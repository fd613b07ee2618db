SELECT trace_id::text, span_id, row_to_json(attempt)::text
FROM image_attempts AS attempt
WHERE trace_id = ANY (%(ids)s::uuid[])
    AND span_id = ANY (%(span_ids)s)
ORDER BY trace_id, span_id
