GROUP BY bucket, provider, model
ORDER BY bucket, provider, model
