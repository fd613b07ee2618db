WITH woken AS (
    DELETE FROM image_alert_snoozes
    WHERE rule_id = %(id)s::text
)
DELETE FROM image_alert_states
WHERE rule_id = %(id)s::text
