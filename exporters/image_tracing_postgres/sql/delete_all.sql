TRUNCATE image_traces, image_attempts
