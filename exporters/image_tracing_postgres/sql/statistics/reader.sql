-- Whether this role may use sums over all rows: Row Level Security may show it only some of these. Compiling a
-- statement takes longer than those here run.
SELECT
    has_table_privilege('image_summary_changes', 'SELECT')
    AND has_table_privilege('image_generation_summaries', 'SELECT')
    AND has_table_privilege('image_attempt_summaries', 'SELECT')
    AND NOT row_security_active('image_traces')
    AND NOT row_security_active('image_attempts'),
    set_config('jit', 'off', true)
