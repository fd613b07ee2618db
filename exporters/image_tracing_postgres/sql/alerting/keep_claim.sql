UPDATE image_alert_messages
SET claimed_until = now() + %(lease)s::double precision * interval '1 s'
WHERE id = ANY (%(ids)s::uuid[]) AND claimed_by = %(by)s::uuid AND sent_at IS NULL
