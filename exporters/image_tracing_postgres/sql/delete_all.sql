TRUNCATE
    image_traces,
    image_attempts,
    image_foreign_spans,
    image_summary_changes,
    image_generation_summaries,
    image_attempt_summaries
