-- Writing again, in any order, leaves the same: a span has one parent, and the later end of a workflow wins.
INSERT INTO image_foreign_spans AS known (otel_trace_id, span_id, parent_span_id, workflow, seen_at)
SELECT otel_trace_id, span_id, parent_span_id, workflow, seen_at
FROM json_populate_recordset(NULL::image_foreign_spans, %(rows)s::json)
ORDER BY otel_trace_id, span_id
ON CONFLICT (otel_trace_id, span_id) DO UPDATE SET
    parent_span_id = least(known.parent_span_id, excluded.parent_span_id),
    workflow = CASE
        WHEN excluded.workflow ->> 'completed_at' > coalesce(known.workflow ->> 'completed_at', '')
            THEN excluded.workflow
        ELSE known.workflow
    END
