DELETE FROM image_attempts WHERE trace_id = ANY (%(ids)s::uuid[]) RETURNING started_at
