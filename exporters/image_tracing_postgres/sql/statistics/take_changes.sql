DELETE FROM image_summary_changes WHERE id = ANY (%(ids)s::uuid[])
