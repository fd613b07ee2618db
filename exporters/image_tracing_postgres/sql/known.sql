SELECT id::text FROM image_traces WHERE id = ANY (%(ids)s::uuid[])
