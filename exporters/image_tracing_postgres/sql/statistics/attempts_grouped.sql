    GROUP BY
        bucket,
        provider,
        model,
        success,
        outcome,
        error_class,
        CASE
            WHEN duration_ms > 100 THEN 100 + ceil(ln(duration_ms / 100.0::double precision) / ln(1.01::double precision))
            WHEN duration_ms IS NOT NULL THEN greatest(duration_ms, 0)
        END
) AS close
GROUP BY bucket, provider, model, success, outcome, error_class
ORDER BY bucket, provider, model, success, outcome, error_class
