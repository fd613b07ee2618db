"""The alerts' part of the OpenAPI description, from the same sets and limits that the routes check."""

from collections.abc import Sequence
from typing import Any, Final

from image_tracing_postgres.alerting.rules import CHECKS, FILTER_NAMES, KINDS
from image_tracing_viewer.alerts.api import (
    HISTORY_DEFAULT,
    HISTORY_MAX,
    SNOOZE_MAX_MINUTES,
    SUBJECT_MAX_LENGTH,
)
from image_tracing_viewer.query import ERROR_CLASSES, OUTCOMES, STATUSES, VALUE_MAX_LENGTH

Json = dict[str, Any]

_STATUSES: Final = ("ok", "firing", "recovered", "snoozed", "no_data", "off")
_TEXT: Final[Json] = {"type": "string", "maxLength": VALUE_MAX_LENGTH, "pattern": "^[^\\u0000]*$"}
_MOMENT: Final[Json] = {"type": ["string", "null"], "format": "date-time"}
_MAYBE_TEXT: Final[Json] = {"type": ["string", "null"]}


def alert_paths(refused: Sequence[int]) -> Json:
    """The operations; `refused`: the errors that every route may answer with."""
    rule = _ref("AlertRule")
    change = {"required": True, "content": {"application/json": {"schema": _ref("AlertRuleChange")}}}
    return {
        "/api/traceImage/alerts": {
            "get": {
                "operationId": "listAlerts",
                "summary": "Alert rules with their states, the channels, and the history, newest first",
                "parameters": [
                    _query(
                        "limit",
                        {"type": "integer", "minimum": 1, "maximum": HISTORY_MAX, "default": HISTORY_DEFAULT},
                        "Most lines of the history",
                    ),
                    _query("before", {"type": "string", "format": "uuid"}, "next_before of the page before"),
                    _query("rule", _TEXT, "The history of one rule"),
                ],
                "responses": {"200": _json("The alerts", _ref("Alerts")), **_errors(400, 413, 503, *refused)},
            },
            "post": {
                "operationId": "addAlertRule",
                "summary": "Add a rule; one without an id gets one from its name",
                "requestBody": change,
                "responses": {
                    "201": _json("The rule", rule),
                    **_errors(400, 403, 409, 413, 415, 503, *refused),
                },
            },
            "put": {
                "operationId": "changeAlertRule",
                "summary": "Change what is given of a rule, or of a preset",
                "parameters": [_rule_id()],
                "requestBody": change,
                "responses": {
                    "200": _json("The rule", rule),
                    **_errors(400, 403, 404, 409, 413, 415, 503, *refused),
                },
            },
            "delete": {
                "operationId": "deleteAlertRule",
                "summary": "Delete a rule; a preset that was changed becomes what it was",
                "parameters": [_rule_id()],
                "responses": {
                    "200": _json("It is gone", _object({"success": {"const": True}})),
                    **_errors(400, 403, 404, 409, 413, 503, *refused),
                },
            },
        },
        "/api/traceImage/alerts/snooze": {
            "post": {
                "operationId": "snoozeAlertRule",
                "summary": "Send nothing about a rule, or one model of it, for some minutes; 0 wakes it",
                "requestBody": _body(
                    {
                        "rule": _TEXT,
                        "minutes": {"type": "integer", "minimum": 0, "maximum": SNOOZE_MAX_MINUTES},
                        "subject": _TEXT | {"maxLength": SUBJECT_MAX_LENGTH},
                    },
                    required=("rule", "minutes"),
                ),
                "responses": {
                    "200": _json("The rule", rule),
                    **_errors(400, 403, 404, 413, 415, 503, *refused),
                },
            }
        },
        "/api/traceImage/alerts/test": {
            "post": {
                "operationId": "testAlertChannels",
                "summary": "Send a test message through the channels of this viewer, or through one of them",
                "requestBody": _body({"channel": {"type": "string"}}, required=()),
                "responses": {
                    "200": _json("What became of it", _object({"results": _list(_ref("AlertDelivery"))})),
                    **_errors(400, 403, 404, 409, 413, 415, *refused),
                },
            }
        },
    }


def alert_schemas() -> Json:
    """What the operations take and give."""
    text: Json = {"type": "string"}
    count: Json = {"type": "integer", "minimum": 0}
    value: Json = {"type": ["number", "null"]}
    status: Json = {"enum": list(_STATUSES)}
    flag: Json = {"type": "boolean"}
    return {
        "Alerts": _object(
            {
                "rules": _list(_ref("AlertRule")),
                "channels": _list(_ref("AlertChannel")),
                "evaluated_at": _MOMENT,
                "history": _list(_ref("AlertTransition")),
                "next_before": _MAYBE_TEXT,
                "interval_seconds": {"type": "number"},
                "problems": _list(text),
            }
        ),
        "AlertRuleChange": {"type": "object", "properties": _rule_fields(), "additionalProperties": False},
        "AlertRule": {
            "type": "object",
            "properties": {
                **_rule_fields(),
                "source": {"enum": ["preset", "viewer", "file"]},
                "told": text,
                "status": status,
                "snoozed_until": _MOMENT,
                "problem": _MAYBE_TEXT,
                "states": _list(_ref("AlertState")),
            },
            "required": ["id", "name", "kind", "filters", "source", "told", "status", "states"],
        },
        "AlertState": _object(
            {
                "subject": text | {"description": "The model, empty for all of them together"},
                "status": status,
                "since": _MOMENT,
                "snoozed_until": _MOMENT,
                "value": value,
                "count": count,
                "found": text,
            }
        ),
        "AlertTransition": _object(
            {
                "id": text,
                "rule": text,
                "subject": text,
                "status": status,
                "before": status,
                "at": _MOMENT,
                "is_told": flag,
                "value": value,
                "count": count,
                "title": text,
                "body": text,
                "traces": text,
                "trace_ids": _list(text),
                "error_classes": {"type": "object", "additionalProperties": count},
                "messages": count,
                "sent": count,
            }
        ),
        "AlertChannel": _object(
            {
                "id": text,
                "service": text | {"description": "What it is, like Slack; no answer holds its address"},
                "seen_at": _MOMENT,
                "sent_at": _MOMENT,
                "failed_at": _MOMENT,
                "problem": _MAYBE_TEXT,
                "waiting": count,
                "given_up": count,
            }
        ),
        "AlertDelivery": _object({"channel": text, "service": text, "problem": _MAYBE_TEXT}),
    }


def _rule_fields() -> Json:
    choices = {"status": STATUSES, "error_class": ERROR_CLASSES, "outcome": OUTCOMES}
    numbers = {"models_tried", "least_models_tried"}
    filters: Json = {
        name: {"enum": list(choices[name])}
        if name in choices
        else {"type": "integer"}
        if name in numbers
        else _TEXT
        for name in FILTER_NAMES
    }
    return {
        "id": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$"},
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
        "kind": {"enum": list(KINDS)},
        **{name: check.schema() for name, check in CHECKS.items()},
        "filters": {"type": "object", "properties": filters, "additionalProperties": False},
    }


def _rule_id() -> Json:
    # An empty value is as good as none.
    schema = _TEXT | {"minLength": 1}
    return {"name": "id", "in": "query", "required": True, "schema": schema, "description": "The rule"}


def _query(name: str, schema: Json, description: str) -> Json:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        "description": description,
        "allowEmptyValue": True,
    }


def _body(properties: Json, *, required: Sequence[str]) -> Json:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _errors(*statuses: int) -> Json:
    return {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in sorted(statuses)}


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
