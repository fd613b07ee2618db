-- For this transaction: as long as it takes, with one process on the server, and with plans that give the first row at
-- once. In the list of a server's connections it has a name of its own. A server that finds no row notices that its
-- client is gone only where it looks, which not every system lets it do.
SELECT
    set_config('application_name', 'image-tracing export', true),
    set_config('client_encoding', 'UTF8', true),
    set_config('timezone', 'UTC', true),
    set_config('statement_timeout', '0', true),
    set_config('jit', 'off', true),
    set_config('max_parallel_workers_per_gather', '0', true),
    set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true),
    CASE WHEN version() ~* 'linux|darwin|bsd' THEN
        set_config('client_connection_check_interval', '5s', true)
    END
