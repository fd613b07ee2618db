GROUP BY bucket
ORDER BY bucket
