SELECT pg_notify('image_traces', '')
