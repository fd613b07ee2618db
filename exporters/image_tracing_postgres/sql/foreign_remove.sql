DELETE FROM image_attempts
WHERE trace_id = %(id)s::uuid
    AND span_id = ANY (%(span_ids)s)
