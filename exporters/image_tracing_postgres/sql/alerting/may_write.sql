-- Asked, since a refusal would be a line in the server's log at each step.
SELECT NOT current_setting('transaction_read_only')::boolean
    AND has_table_privilege('image_alert_evaluations', 'INSERT')
    AND has_table_privilege('image_alert_evaluations', 'UPDATE')
    AND has_table_privilege('image_alert_messages', 'UPDATE')
