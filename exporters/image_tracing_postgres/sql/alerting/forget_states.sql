-- Of rules that are off or gone, and of models that nobody calls any more.
DELETE FROM image_alert_states
WHERE NOT rule_id = ANY (%(rule_ids)s::text[])
    OR (status <> 'firing' AND coalesce(heard_at, since) < %(now)s::timestamptz - interval '7 days')
