SELECT DISTINCT slot
FROM image_summary_changes, unnest(slots) AS slot
ORDER BY slot
