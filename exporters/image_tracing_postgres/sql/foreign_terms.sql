SELECT id::text, search_terms FROM image_traces WHERE id = ANY (%(ids)s::uuid[])
