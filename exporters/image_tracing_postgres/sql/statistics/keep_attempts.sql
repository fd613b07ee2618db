INSERT INTO image_attempt_summaries
SELECT * FROM json_populate_recordset(NULL::image_attempt_summaries, %(rows)s::json)
