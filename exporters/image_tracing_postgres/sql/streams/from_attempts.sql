FROM image_traces AS trace
JOIN image_attempts AS attempt
    ON attempt.trace_id = trace.id
    AND (%(model)s::text IS NULL OR attempt.model = %(model)s::text)
    AND (%(provider)s::text IS NULL OR attempt.provider = %(provider)s::text)
    AND (%(error_class)s::text IS NULL OR attempt.error_class = %(error_class)s::text)
    AND (%(outcome)s::text IS NULL OR attempt.outcome = %(outcome)s::text)
