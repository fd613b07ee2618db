-- With a limit, though it is none, rows are put in order before the texts are made of them, not the texts sorted.
ORDER BY trace.created_at DESC, trace.id DESC
LIMIT 9223372036854775807
