-- All that tell of these slots and of no other: where nobody asked for long, they are very many.
DELETE FROM image_summary_changes WHERE slots <@ %(slots)s::timestamptz[]
