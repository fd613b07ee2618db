-- Ids are hashes, so a half of their range has half of the traces.
AND trace.id BETWEEN %(first_id)s::uuid AND %(last_id)s::uuid
