SELECT
    rule_id,
    subject,
    status,
    since,
    is_told,
    told_at,
    heard_at,
    breaches,
    clears,
    finding,
    value,
    count
FROM image_alert_states
ORDER BY rule_id, subject
