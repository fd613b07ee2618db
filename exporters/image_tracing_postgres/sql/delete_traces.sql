DELETE FROM image_traces WHERE id = ANY (%(ids)s::uuid[]) RETURNING created_at
