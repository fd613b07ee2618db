DELETE FROM image_alert_rules
WHERE source = 'file' AND NOT id = ANY (%(ids)s::text[])
RETURNING id
