WHERE
    (%(id)s::uuid IS NULL OR trace.id = %(id)s::uuid)
    AND (%(status)s::text IS NULL OR trace.status = %(status)s::text)
    AND (%(lesson_id)s::text IS NULL OR trace.lesson_id = %(lesson_id)s::text)
    AND (%(from_)s::timestamptz IS NULL OR trace.created_at >= %(from_)s::timestamptz)
    AND (%(to)s::timestamptz IS NULL OR trace.created_at < %(to)s::timestamptz)
    AND (%(models_tried)s::integer IS NULL OR cardinality(trace.models_tried) = %(models_tried)s::integer)
    AND (
        %(least_models_tried)s::integer IS NULL
        OR cardinality(trace.models_tried) >= %(least_models_tried)s::integer
    )
    AND (%(terms)s::integer[] IS NULL OR trace.search_terms @> %(terms)s::integer[])
