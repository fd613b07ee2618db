(%(model)s::text IS NULL OR %(model)s::text = ANY (trace.models_tried))
    AND (%(served_by)s::text IS NULL OR trace.model_used = %(served_by)s::text)
    AND (%(service)s::text IS NULL OR trace.service_name = %(service)s::text)
    AND (
        %(provider)s::text IS NULL
        OR EXISTS (
            SELECT FROM image_attempts AS attempt
            WHERE attempt.trace_id = trace.id AND attempt.provider = %(provider)s::text
        )
    )
    AND (
        %(error_class)s::text IS NULL
        OR trace.error_class = %(error_class)s::text
        OR EXISTS (
            SELECT FROM image_attempts AS attempt
            WHERE attempt.trace_id = trace.id AND attempt.error_class = %(error_class)s::text
        )
    )
    AND (
        %(outcome)s::text IS NULL
        OR EXISTS (
            SELECT FROM image_attempts AS attempt
            WHERE attempt.trace_id = trace.id AND attempt.outcome = %(outcome)s::text
        )
    )
    AND (
        %(words)s::text[] IS NULL
        OR (
            -- Words of ASCII letters only, so the cheap lower case of "C" will do.
            SELECT bool_and(
                EXISTS (
                    SELECT FROM image_attempts AS attempt
                    WHERE attempt.trace_id = trace.id
                        AND position(
                            word IN lower(concat_ws(' ', attempt.prompt, attempt.negative_prompt) COLLATE "C")
                        ) > 0
                )
                OR coalesce(position(word IN lower(trace.request_data::text COLLATE "C")) > 0, false)
            )
            FROM unnest(%(words)s::text[]) AS word
        )
    )
