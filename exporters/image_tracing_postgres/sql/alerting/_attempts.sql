-- The attempts that a rule counts. What the request brought about is no failure of the model, unless the rule asks
-- for just that: neither a refused prompt nor what the other models made of the same one.
SELECT attempt.*
FROM (
    SELECT
        tried.trace_id,
        tried.span_id,
        tried.started_at,
        tried.ended_at,
        tried.duration_ms,
        tried.error_class,
        CASE WHEN %(each_model)s::boolean THEN left(coalesce(tried.model, ''), 500) ELSE '' END AS subject,
        CASE
            WHEN %(narrows)s::boolean THEN NOT tried.success
            WHEN %(outcome)s::text IS NOT NULL THEN tried.outcome = %(outcome)s::text
            WHEN %(error_class)s::text IS NOT NULL
                THEN tried.error_class IS NOT DISTINCT FROM %(error_class)s::text
            ELSE NOT tried.success
        END AS has_failed
    FROM image_attempts AS tried
    WHERE tried.started_at >= %(since)s::timestamptz
        AND tried.started_at < %(now)s::timestamptz
        AND tried.ended_at <= %(now)s::timestamptz
        AND (%(model)s::text IS NULL OR tried.model = %(model)s::text)
        AND (%(provider)s::text IS NULL OR tried.provider = %(provider)s::text)
        AND (
            NOT %(narrows)s::boolean
            OR (
                (%(outcome)s::text IS NULL OR tried.outcome = %(outcome)s::text)
                AND (%(error_class)s::text IS NULL OR tried.error_class = %(error_class)s::text)
            )
        )
) AS attempt
WHERE (
        NOT attempt.has_failed
        OR %(outcome)s::text IS NOT NULL
        OR %(error_class)s::text IS NOT NULL
        -- Not EXISTS, beside an OR: Postgres would read the whole table for all of them at once.
        OR (
            SELECT count(*)
            FROM image_attempts AS other
            WHERE other.trace_id = attempt.trace_id
                AND other.error_class = ANY (%(request_error_classes)s::text[])
                AND other.ended_at <= %(now)s::timestamptz
        ) = 0
    )
