SELECT to_regprocedure('image_summary_tell(uuid, timestamptz[])') IS NOT NULL
