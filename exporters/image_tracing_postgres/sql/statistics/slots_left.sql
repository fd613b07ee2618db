SELECT coalesce(sum(cardinality(slots)), 0) FROM image_summary_changes
