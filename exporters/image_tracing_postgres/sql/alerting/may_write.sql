-- Asked, since a refusal would be a line in the server's log at each step.
SELECT NOT current_setting('transaction_read_only')::boolean
    AND has_table_privilege('image_alert_evaluations', 'INSERT')
    AND has_table_privilege('image_alert_evaluations', 'UPDATE')
    AND has_table_privilege('image_alert_messages', 'UPDATE')
    AND (
        NOT row_security_active('image_alert_evaluations')
        OR EXISTS (
            SELECT FROM pg_policy AS policy
            WHERE policy.polrelid = 'image_alert_evaluations'::regclass
                AND policy.polcmd IN ('*', 'a')
                AND EXISTS (
                    SELECT FROM unnest(policy.polroles) AS role (id)
                    WHERE role.id = 0 OR pg_has_role(role.id, 'USAGE')
                )
        )
    )
