-- The figures of the counted generations, a row a stretch of time.
SELECT
    spell.until <= (SELECT min(created_at) FROM image_traces),
    count(counted.place),
    count(*) FILTER (WHERE counted.has_ended),
    count(*) FILTER (WHERE counted.has_failed),
    count(*) FILTER (WHERE counted.fell_back),
    count(*) FILTER (WHERE counted.has_ended OR counted.is_late),
    count(*) FILTER (WHERE counted.is_late)
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS spell (since, until, place)
LEFT JOIN counted ON counted.place = spell.place
GROUP BY spell.place, spell.until
ORDER BY spell.place
