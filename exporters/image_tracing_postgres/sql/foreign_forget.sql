DELETE FROM image_foreign_spans WHERE seen_at < %(before)s
