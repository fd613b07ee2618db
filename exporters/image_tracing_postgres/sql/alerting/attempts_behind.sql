-- The traces behind alarms about attempts, a row a subject: how many, from when to when they began, the newest of them,
-- and why. All subjects at once, since an outage of all models would read the window for each.
SELECT behind.*
FROM (
    WITH placed AS (
        SELECT
            counted.*,
            row_number() OVER (
                PARTITION BY counted.subject
                ORDER BY counted.ended_at DESC, counted.started_at DESC, counted.span_id DESC
            ) AS place
        FROM counted
        WHERE counted.subject = ANY (%(subjects)s::text[])
            AND CASE
                WHEN %(least_ms)s::bigint IS NULL THEN counted.has_failed
                ELSE counted.duration_ms >= %(least_ms)s::bigint
            END
    ),
    meant AS (
        SELECT
            placed.subject,
            placed.error_class,
            trace.id,
            trace.created_at,
            row_number() OVER (
                PARTITION BY placed.subject
                ORDER BY placed.ended_at DESC, placed.span_id DESC
            ) AS place
        FROM placed
        INNER JOIN unnest(%(subjects)s::text[], %(newest)s::bigint[]) AS asked (subject, newest)
            ON asked.subject = placed.subject AND (asked.newest IS NULL OR placed.place <= asked.newest)
        INNER JOIN image_traces AS trace ON trace.id = placed.trace_id
    ),
    classes AS (
        SELECT named.subject, jsonb_object_agg(named.name, named.number) AS numbers
        FROM (
            SELECT subject, coalesce(error_class, '') AS name, count(*) AS number
            FROM meant
            GROUP BY subject, coalesce(error_class, '')
        ) AS named
        GROUP BY named.subject
    ),
    summed AS (
        SELECT
            subject,
            count(DISTINCT id) AS number,
            min(created_at) AS first,
            max(created_at) AS last,
            array_agg(id ORDER BY place) FILTER (WHERE place <= %(examples)s::bigint) AS newest
        FROM meant
        GROUP BY subject
    )
    SELECT summed.subject, summed.number, summed.first, summed.last, summed.newest, classes.numbers
    FROM summed
    INNER JOIN classes ON classes.subject = summed.subject
) AS behind
