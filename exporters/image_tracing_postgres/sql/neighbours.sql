SELECT
    (
        SELECT trace.id
        FROM image_traces AS trace
        WHERE (trace.created_at, trace.id) > (here.created_at, here.id)
        ORDER BY trace.created_at, trace.id
        LIMIT 1
    ) AS newer,
    (
        SELECT trace.id
        FROM image_traces AS trace
        WHERE (trace.created_at, trace.id) < (here.created_at, here.id)
        ORDER BY trace.created_at DESC, trace.id DESC
        LIMIT 1
    ) AS older
FROM image_traces AS here
WHERE here.id = %(id)s::uuid
