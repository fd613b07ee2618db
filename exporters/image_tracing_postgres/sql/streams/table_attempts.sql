-- The columns of a stream: the columns of a table of attempts, in the order of table.py, and the place of the trace of
-- each in the order.
SELECT
    trace.id::text,
    trace.lesson_id,
    attempt.number::bigint,
    attempt.model,
    attempt.provider,
    attempt.prompt,
    image_attempt_request(attempt),
    image_attempt_response(attempt),
    attempt.duration_ms,
    attempt.success,
    attempt.error,
    attempt.error_class,
    attempt.outcome,
    attempt.started_at,
    attempt.span_id,
    coalesce(attempt.images, '[]')::text,
    trace.created_at,
    trace.id
