-- Attempts before which another model had failed in the same generation while none had succeeded, and which of
-- them succeeded. One pass over each generation, so that very many attempts are no reason to stop.
WITH asked AS (
    SELECT DISTINCT trace_id
    FROM image_attempts AS attempt
    WHERE
        started_at >= %(start)s::timestamptz
        AND started_at < %(stop)s::timestamptz
