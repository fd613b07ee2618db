CREATE TEMPORARY TABLE staged_attempts (LIKE image_attempts) ON COMMIT DROP
