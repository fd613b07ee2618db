SELECT image_summary_tell(%(id)s, %(slots)s::timestamptz[])
