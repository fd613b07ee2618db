-- The newest first: they are asked for most.
SELECT slots
FROM image_summary_changes
ORDER BY slots DESC, id
LIMIT %(limit)s
