    GROUP BY
        bucket,
        status,
        cardinality(models_tried),
        first_model,
        served_by,
        CASE
            WHEN total_duration_ms > 100
                THEN 100 + ceil(ln(total_duration_ms / 100.0::double precision) / ln(1.01::double precision))
            WHEN total_duration_ms IS NOT NULL THEN greatest(total_duration_ms, 0)
        END
) AS close
GROUP BY bucket, status, models_tried, first_model, served_by
ORDER BY bucket, status, models_tried, first_model, served_by
