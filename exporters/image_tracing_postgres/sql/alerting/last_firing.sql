SELECT evidence
FROM image_alert_transitions
WHERE rule_id = %(rule_id)s::text AND subject = %(subject)s::text AND status = 'firing' AND before <> 'firing'
ORDER BY at DESC, id DESC
LIMIT 1
