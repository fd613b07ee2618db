UPDATE image_traces
SET search_terms = image_terms_of_both(search_terms, %(terms)s::integer[]), updated_at = %(updated_at)s
WHERE id = %(id)s::uuid
