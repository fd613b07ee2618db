AND (
        %(before_at)s::timestamptz IS NULL
        OR (trace.created_at, trace.id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
    )
ORDER BY trace.created_at DESC, trace.id DESC
LIMIT %(limit)s
OFFSET %(offset)s
