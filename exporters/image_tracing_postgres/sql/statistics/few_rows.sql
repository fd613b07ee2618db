-- What follows reads some minutes of years: never worth a look at all rows, however dear an index seems.
SELECT set_config('enable_seqscan', 'off', true)
