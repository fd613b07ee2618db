LOCK TABLE image_traces, image_attempts, image_foreign_spans IN ACCESS EXCLUSIVE MODE
