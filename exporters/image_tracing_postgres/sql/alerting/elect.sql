-- Whoever gets the lock evaluates this step; it goes with the transaction, so that pgbouncer may lend the connection.
SELECT pg_try_advisory_xact_lock(%(key)s::bigint), now()
