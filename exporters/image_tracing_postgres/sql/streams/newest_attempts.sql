ORDER BY
    trace.created_at DESC, trace.id DESC,
    attempt.number, attempt.started_at, attempt.span_id
LIMIT 9223372036854775807
