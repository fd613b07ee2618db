SELECT id FROM image_traces
WHERE id = ANY (%(ids)s::uuid[])
ORDER BY id
FOR UPDATE
