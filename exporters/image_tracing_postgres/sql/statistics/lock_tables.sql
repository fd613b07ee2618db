-- In the order of those that empty the tables; who took another one could block them, and they him.
LOCK TABLE image_traces, image_attempts, image_summary_changes, image_generation_summaries, image_attempt_summaries
IN ACCESS SHARE MODE
