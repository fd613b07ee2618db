INSERT INTO image_alert_channels (id, service, seen_at)
VALUES (%(id)s::text, %(service)s::text, now())
ON CONFLICT (id) DO UPDATE SET service = excluded.service, seen_at = excluded.seen_at
