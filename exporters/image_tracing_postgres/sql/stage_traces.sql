CREATE TEMPORARY TABLE staged_traces (LIKE image_traces) ON COMMIT DROP
