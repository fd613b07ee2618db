"""The OpenAPI 3.1 description of the REST API, built from the same sets and limits that the routes check."""

from collections.abc import Mapping
from typing import Any, Final

from image_tracing._version import __version__
from image_tracing_postgres.filters import MAX_MODELS
from image_tracing_viewer.alerts.description import alert_paths, alert_schemas
from image_tracing_viewer.charts.description import CHARTS_PATH, chart_name, chart_parameters
from image_tracing_viewer.export import FORMATS, MEDIA_TYPES, SUBJECTS
from image_tracing_viewer.otlp import INGEST_PATH
from image_tracing_viewer.otlp.limits import INFLATED_MAX_BYTES, SENT_MAX_BYTES
from image_tracing_viewer.query import (
    ERROR_CLASSES,
    LIMIT_DEFAULT,
    LIMIT_MAX,
    OFFSET_MAX,
    OUTCOMES,
    STATUSES,
    VALUE_MAX_LENGTH,
)
from image_tracing_viewer.stats_description import STATS_SCHEMAS, stats_parameters

Json = dict[str, Any]

_MOMENT: Final = "ISO 8601 date or time of the years 1 to 9999; without a zone it is UTC"
_ERRORS: Final[Mapping[int, str]] = {
    400: "A parameter is unknown, given twice, or outside its set or range",
    401: "The token is missing or wrong",
    403: "The change may come from another site's page, or the database role may not do it",
    404: "There is no such trace",
    408: "The body took too long",
    409: "There is such a rule already, or it belongs to a file",
    413: "The body is too large",
    415: "The body's type or compression is not accepted",
    421: "The Host header names another server",
    500: "The viewer failed; its log tells more under the id in the message",
    503: "The database cannot be reached or took too long; Retry-After says when to try again",
}

_LINKS: Final[Json] = {
    "newestTrace": {"operationId": "getTrace", "parameters": {"id": "$response.body#/traces/0/id"}},
    "nextPage": {"operationId": "listTraces", "parameters": {"cursor": "$response.body#/next_cursor"}},
}


def document(root_path: str = "", *, has_token: bool = False, has_ingest_token: bool = False) -> Json:
    """The description for an app that is mounted at `root_path`, "" for the root."""
    security: Json = {"security": [{"token": []}]} if has_token else {}
    named = {"token": has_token, "ingestToken": has_ingest_token}
    bearers = {name: {"type": "http", "scheme": "bearer"} for name, is_there in named.items() if is_there}
    schemes: Json = {"securitySchemes": bearers} if bearers else {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "image-tracing",
            "version": __version__,
            "description": "Image generations: the models tried, what each attempt gave, which one served.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": root_path or "/"}],
        **security,
        "paths": {
            **_paths(has_token=has_token),
            **alert_paths((401, 421, 500) if has_token else (421, 500)),
            INGEST_PATH: {"post": _receiver(has_token=has_token, has_ingest_token=has_ingest_token)},
        },
        "components": {"schemas": _schemas() | alert_schemas(), "responses": _error_responses(), **schemes},
    }


def _paths(*, has_token: bool) -> Json:
    refused = (401, 421, 500) if has_token else (421, 500)
    return {
        "/api/traceImage": {
            "get": {
                "operationId": "listTraces",
                "summary": "Traces that match, newest first",
                "parameters": [*_filter_parameters(), *_paging_parameters()],
                "responses": {
                    "200": _json("The page", _ref("TraceList")) | {"links": _LINKS},
                    **_errors(400, 413, 503, *refused),
                },
            },
            "delete": {
                "operationId": "deleteTraces",
                "summary": "Delete one trace by id, or all of them",
                "description": "Exactly one of the two parameters.",
                "parameters": [
                    _parameter("id", _uuid(), "The trace to delete"),
                    _parameter(
                        "deleteAll", {"type": "string", "const": "true"}, "Exactly `true`: delete every trace"
                    ),
                ],
                "responses": {
                    "200": _json("What was deleted", _ref("Deletion")),
                    **_errors(400, 403, 404, 413, 503, *refused),
                },
            },
        },
        "/api/traceImage/{id}": {
            "get": {
                "operationId": "getTrace",
                "summary": "One trace",
                "parameters": [
                    {
                        "name": "id",
                        "in": "path",
                        "required": True,
                        "schema": _uuid(),
                        "description": "The trace",
                    }
                ],
                "responses": {
                    "200": _json("The trace", _ref("Trace")),
                    **_errors(400, 404, 413, 503, *refused),
                },
            }
        },
        "/api/traceImage/stats": {
            "get": {
                "operationId": "getStatistics",
                "summary": "The figures of a range: in total, by model and provider, over time",
                "description": "Generations count by created_at, attempts by their own start; `model`, "
                "`provider`, `error_class` and `outcome` are the attempt's own. By default the last 30 days.",
                "parameters": [
                    *_filter_parameters(),
                    *(_filter(*described) for described in stats_parameters()),
                ],
                "responses": {
                    "200": _json("The figures", _ref("Statistics")),
                    **_errors(400, 413, 503, *refused),
                },
            }
        },
        CHARTS_PATH: {
            "get": {
                "operationId": "getChart",
                "summary": "A chart of the figures as a picture, for a README, a chat or an alert",
                "parameters": [
                    chart_name(),
                    *_filter_parameters(),
                    *(_filter(*described) for described in (*stats_parameters(), *chart_parameters())),
                ],
                "responses": {
                    "200": {
                        "description": "The picture",
                        "content": {
                            "image/svg+xml": {"schema": {"type": "string"}},
                            "image/png": {"schema": {"type": "string", "format": "binary"}},
                        },
                    },
                    **_errors(400, 404, 413, 503, *refused),
                },
            }
        },
        "/api/traceImage/export": {
            "get": {
                "operationId": "exportTraces",
                "summary": "The whole filtered range as a file",
                "parameters": [
                    *_filter_parameters(),
                    _filter(
                        "format",
                        _choice(FORMATS, default="jsonl"),
                        "JSON lines, one JSON array, CSV, or Parquet",
                    ),
                    _filter("of", _choice(SUBJECTS, default="traces"), "One row a trace, or one an attempt"),
                ],
                "responses": {
                    "200": {
                        "description": "The file, newest trace first, all of one moment. It is whole if it "
                        "ends with a line end (JSON lines, JSON, CSV) or its footer (Parquet). CSV cells "
                        "that a spreadsheet would run as a formula have an apostrophe in front.",
                        "headers": {"Content-Disposition": {"schema": {"type": "string"}}},
                        "content": _export_content(),
                    },
                    **_errors(400, 413, 503, *refused),
                },
            }
        },
        "/api/traceImage/events": {
            "get": {
                "operationId": "traceEvents",
                "summary": "A trace began or changed, as server-sent events",
                "description": "Event `trace`: its data is a TraceEvent. Event `reset`: more changed than "
                "was told, read the list again; it comes first after a reconnection (Last-Event-ID).",
                "responses": {
                    "200": {
                        "description": "The stream, without end",
                        "content": {"text/event-stream": {"schema": {"type": "string"}}},
                    },
                    **_errors(400, 413, *refused),
                },
            }
        },
        "/healthz": {
            "get": {
                "operationId": "health",
                "summary": "Whether the process answers; the database is not asked",
                "security": [],
                "responses": {
                    "200": _json("It does", _object({"status": {"type": "string", "const": "ok"}})),
                    **_errors(413, 421, 500),
                },
            }
        },
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "summary": "Requests, spool, database and the last hour in figures, for Prometheus",
                "description": "No prompts and no ids. The twenty models with the most attempts have their "
                "names. The Accept header chooses between the text format and "
                "OpenMetrics.",
                "responses": {
                    "200": {
                        "description": "The figures now",
                        "content": {
                            media_type: {"schema": {"type": "string"}}
                            for media_type in ("text/plain", "application/openmetrics-text")
                        },
                    },
                    **_errors(400, 413, *refused),
                },
            }
        },
        "/openapi.json": {
            "get": {
                "operationId": "description",
                "summary": "This description",
                "responses": {"200": _json("OpenAPI 3.1", {"type": "object"}), **_errors(413, *refused)},
            }
        },
    }


def _receiver(*, has_token: bool, has_ingest_token: bool) -> Json:
    security: Json = {"security": [{"ingestToken": []}]} if has_ingest_token else {}
    refused = (401,) if has_token or has_ingest_token else ()
    binary: Json = {"type": "string", "contentMediaType": "application/x-protobuf"}
    return {
        "operationId": "receiveSpans",
        "summary": "Spans over OTLP/HTTP, in protobuf or JSON, plain or gzip",
        "description": "An ExportTraceServiceRequest. 200 means that each span about pictures is on disk or "
        "in the database; other spans are passed over. Sending the same again changes nothing.",
        **security,
        "parameters": [
            {
                "name": "Content-Encoding",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "enum": ["gzip", "identity"]},
                "description": f"At most {SENT_MAX_BYTES} bytes are sent, {INFLATED_MAX_BYTES} inflated",
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/x-protobuf": {"schema": binary},
                "application/json": {"schema": {"type": "object"}},
            },
        },
        "responses": {
            "200": {
                "description": "An ExportTraceServiceResponse in the request's encoding; partialSuccess "
                "counts the spans whose ids or fields are wrong",
                "content": {
                    "application/x-protobuf": {"schema": binary},
                    "application/json": {"schema": _ref("ExportTraceServiceResponse")},
                },
            },
            **{
                str(status): {
                    "description": _ERRORS[status],
                    "content": {
                        "application/x-protobuf": {"schema": binary},
                        "application/json": {"schema": _ref("Status")},
                    },
                }
                for status in sorted((400, 403, 408, 413, 415, 421, 500, 503, *refused))
            },
        },
    }


def _filter_parameters() -> list[Json]:
    text: Json = {"type": "string", "maxLength": VALUE_MAX_LENGTH, "pattern": "^[^\\u0000]*$"}
    models: Json = {"type": "integer", "minimum": 0, "maximum": MAX_MODELS}
    return [
        _filter("status", _choice(STATUSES), "State of the generation"),
        _filter("model", text, "A model that was tried"),
        _filter("provider", text, "A provider of any attempt"),
        _filter("lesson_id", text, "The caller's own key"),
        _filter("service", text, "The service that generated"),
        _filter("error_class", _choice(ERROR_CLASSES), "Error class of any attempt"),
        _filter("outcome", _choice(OUTCOMES), "Outcome of any attempt"),
        _filter("from", _moment(), f"Least created_at, inclusive: {_MOMENT}"),
        _filter("to", _moment(), f"Greatest created_at, exclusive: {_MOMENT}"),
        _filter("served_by", text, "The model used"),
        _filter("models_tried", models, "How many models were tried"),
        _filter("least_models_tried", models, "How many models were tried at least: 2 for fallbacks"),
        _filter("q", text, "Words that all occur in a prompt, upper and lower case alike"),
        _filter("id", _uuid(), "One trace"),
    ]


def _paging_parameters() -> list[Json]:
    limit = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}
    offset = {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX, "default": 0}
    cursor = {"type": "string", "format": "trace-cursor"}
    return [
        _filter("limit", limit, "Most traces on a page"),
        _filter("offset", offset, "Traces to leave out; prefer cursor, which does not slow down or shift"),
        _filter("cursor", cursor, "next_cursor of the page before; not together with offset"),
    ]


def _schemas() -> Json:
    text: Json = {"type": "string"}
    maybe_text: Json = {"type": ["string", "null"]}
    maybe_count: Json = {"type": ["integer", "null"]}
    moment: Json = {"type": "string", "format": "date-time"}
    error: Json = _object({"code": text, "message": text})
    span_id: Json = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
    return {
        "TraceList": _object(
            {
                "traces": {"type": "array", "items": _ref("Trace"), "maxItems": LIMIT_MAX},
                "next_cursor": maybe_text,
            }
        ),
        "Trace": _object(
            {
                "id": _uuid(),
                "lesson_id": maybe_text,
                "status": _choice(STATUSES),
                "model_used": maybe_text,
                "models_tried": {"type": "array", "items": text},
                "total_duration_ms": maybe_count,
                "request_data": {"description": "Any JSON"},
                "response_data": {"description": "Any JSON"},
                "error_message": maybe_text,
                "error_class": _ref("ErrorClass"),
                "created_at": moment,
                "completed_at": {"type": ["string", "null"], "format": "date-time"},
                "name": maybe_text,
                "service_name": maybe_text,
                "otel_trace_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "otel_span_id": span_id,
                "is_stalled": {"type": "boolean", "description": "Started long ago and not heard of since"},
                "image_generation_attempts": {"type": "array", "items": _ref("Attempt")},
            }
        ),
        "Attempt": _object(
            {
                "model": maybe_text,
                "provider": maybe_text,
                "prompt": maybe_text,
                "request": {"type": "object"},
                "response": {"type": "object"},
                "duration_ms": maybe_count,
                "success": {"type": "boolean"},
                "error": maybe_text,
                "error_class": _ref("ErrorClass"),
                "outcome": _choice(OUTCOMES),
                "timestamp": moment,
                "number": {"type": "integer"},
                "otel_span_id": span_id,
                "images": {"type": "array", "items": _ref("Image")},
            }
        ),
        "Image": _object(
            {
                "index": {"type": "integer"},
                "mime_type": maybe_text,
                "width": maybe_count,
                "height": maybe_count,
                "dataSize": maybe_count,
                "sha256": maybe_text,
                "url": maybe_text,
            }
        ),
        "ErrorClass": {"enum": [*ERROR_CLASSES, None]},
        "Deletion": _object({"success": {"const": True}, "deleted": {"type": "integer", "minimum": 0}}),
        "TraceEvent": _object({"id": _uuid(), "status": _choice(STATUSES), "updated_at": moment}),
        "ExportTraceServiceResponse": {
            "type": "object",
            "properties": {"partialSuccess": _object({"rejectedSpans": text, "errorMessage": text})},
        },
        "Error": _object({"error": error}),
        "Status": _object({"message": text, "error": error}),
        **STATS_SCHEMAS,
    }


def _export_content() -> Json:
    schemas: Json = {
        "csv": {"type": "string"},
        "jsonl": {"type": "string"},
        "json": {"type": "array", "items": {"type": "object"}},
        "parquet": {"type": "string", "format": "binary"},
    }
    return {MEDIA_TYPES[format_]: {"schema": schemas[format_]} for format_ in FORMATS}


def _error_responses() -> Json:
    return {f"Error{status}": _json(description, _ref("Error")) for status, description in _ERRORS.items()}


def _errors(*statuses: int) -> Json:
    return {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in sorted(statuses)}


def _parameter(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _filter(name: str, schema: Json, description: str) -> Json:
    """A parameter whose empty value, as forms send it, means that it is not given."""
    return _parameter(name, schema, description) | {"allowEmptyValue": True}


def _choice(values: tuple[str, ...], **more: Any) -> Json:
    return {"type": "string", "enum": list(values), **more}


def _uuid() -> Json:
    return {"type": "string", "format": "uuid"}


def _moment() -> Json:
    return {"type": "string", "format": "date-time"}


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
