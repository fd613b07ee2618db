-- Whether sums of all rows are this role's: Row Level Security may show it only some of the rows, or of the sums.
-- Compiling a statement takes longer than those here run.
SELECT
    has_table_privilege('image_summary_changes', 'SELECT')
    AND has_table_privilege('image_generation_summaries', 'SELECT')
    AND has_table_privilege('image_attempt_summaries', 'SELECT')
    AND NOT row_security_active('image_traces')
    AND NOT row_security_active('image_attempts')
    AND NOT row_security_active('image_summary_changes')
    AND NOT row_security_active('image_generation_summaries')
    AND NOT row_security_active('image_attempt_summaries'),
    set_config('jit', 'off', true)
