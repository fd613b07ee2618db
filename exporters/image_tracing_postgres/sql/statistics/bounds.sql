SELECT min(starts_at), max(starts_at) FROM image_generation_summaries WHERE level = 'slot'
