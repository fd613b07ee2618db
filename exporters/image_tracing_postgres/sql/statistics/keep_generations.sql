INSERT INTO image_generation_summaries
SELECT * FROM json_populate_recordset(NULL::image_generation_summaries, %(rows)s::json)
