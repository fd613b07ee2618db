-- The columns of a stream: the attempts of each trace as the text of their JSON, one a line, null for none; and the
-- place of the trace in the order.
SELECT
    (
        SELECT string_agg(
            concat(
                '{"trace_id": "', trace.id,
                '", "lesson_id": ', coalesce(to_json(trace.lesson_id), 'null'),
                ', ', substr(image_attempt_text(attempt), 2)
            ),
            E'\n'
            ORDER BY attempt.number, attempt.started_at, attempt.span_id
        )
        FROM image_attempts AS attempt
        WHERE attempt.trace_id = trace.id
            AND (%(model)s::text IS NULL OR attempt.model = %(model)s::text)
            AND (%(provider)s::text IS NULL OR attempt.provider = %(provider)s::text)
            AND (%(error_class)s::text IS NULL OR attempt.error_class = %(error_class)s::text)
            AND (%(outcome)s::text IS NULL OR attempt.outcome = %(outcome)s::text)
    ) AS lines,
    trace.created_at,
    trace.id
