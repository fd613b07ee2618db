LOCK TABLE image_traces, image_attempts IN ACCESS EXCLUSIVE MODE
