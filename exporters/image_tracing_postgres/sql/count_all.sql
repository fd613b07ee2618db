SELECT count(*) FROM image_traces
