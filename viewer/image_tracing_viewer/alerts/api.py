"""The routes of the API over the alerts."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from image_tracing.storable import without_poison
from image_tracing_postgres.alerting import InvalidRuleError, RuleConflictError, UnknownRuleError
from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_viewer.alerts.documents import Json, entry_document, overview_document, rule_document
from image_tracing_viewer.alerts.service import AlertService, ChannelBusyError, Delivery
from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.links import links_of
from image_tracing_viewer.own_threads import OwnThreads
from image_tracing_viewer.query import is_uuid, shown, single_values

Result = TypeVar("Result")

HISTORY_DEFAULT: Final = 50
HISTORY_MAX: Final = 500
SNOOZE_MAX_MINUTES: Final = 525_600
SUBJECT_MAX_LENGTH: Final = 500

# Tests have threads of their own: those that wait for a dead channel keep none from the pages.
_THREADS: Final = OwnThreads("image_tracing_alert_tests", 4)


class AlertRoutes(HTTPEndpoint):
    """All alerts: to be read, and their rules to be added, changed and deleted."""

    def get(self, request: Request) -> Response:
        """Rules, states, channels, and the newest of the history or what came before one of its lines."""
        limit, before, rule_id = _history_from(request)
        service = service_of(request)
        overview = service.alerts.overview()
        document = overview_document(overview)
        for channel in document["channels"]:
            channel["problem"] = service.channel_problems.get(channel["id"], channel["problem"])
        history = service.alerts.history(limit=limit + 1, before=before, rule_id=rule_id)
        entries = [entry_document(entry, traces=links_of(request).traces) for entry in history[:limit]]
        return JSONResponse(
            {
                **document,
                "history": entries,
                "next_before": entries[-1]["id"] if len(history) > limit else None,
                "interval_seconds": service.alerts.interval_seconds,
                "problems": service.problems_with(overview),
            }
        )

    async def post(self, request: Request) -> Response:
        """Adds a rule."""
        single_values(request.query_params, accepted=())
        document = await _body(request)
        rule = await _answered(lambda: service_of(request).alerts.add_rule(document))
        return await _rule_answer(request, rule.id, 201)

    async def put(self, request: Request) -> Response:
        """Changes what the body has of a rule; the rest stays."""
        rule_id = _id_from(request)
        document = await _body(request)
        await _answered(lambda: service_of(request).alerts.change_rule(rule_id, document))
        return await _rule_answer(request, rule_id, 200)

    def delete(self, request: Request) -> Response:
        """Deletes a rule, or makes a preset what it was."""
        rule_id = _id_from(request)
        told(lambda: service_of(request).alerts.delete_rule(rule_id))
        return JSONResponse({"success": True})


async def snooze(request: Request) -> Response:
    """Sends nothing about a rule for some minutes, or wakes it."""
    single_values(request.query_params, accepted=())
    document = await _body(request)
    rule_id, subject, until = _snooze_from(document)
    alerts = service_of(request).alerts
    await _answered(lambda: alerts.snooze(rule_id, until, subject=subject))
    return await _rule_answer(request, rule_id, 200)


async def test(request: Request) -> Response:
    """Sends a test message through the channels of this viewer."""
    single_values(request.query_params, accepted=())
    document = await _body(request)
    channel = document.pop("channel", None)
    if document or not (channel is None or isinstance(channel, str)):
        raise RequestError(400, 'the body must be {} or {"channel": "<id>"}', code="invalid_parameter")
    results = await tested(request, channel)
    return JSONResponse(
        {
            "results": [
                {"channel": each.channel, "service": each.service, "problem": each.problem}
                for each in results
            ]
        }
    )


async def tested(request: Request, channel_id: str | None) -> Sequence[Delivery]:
    """What became of a test message to one channel of this viewer, or to all.

    Raises RequestError: 404, there is no such channel; 409, it is being tested already.
    """
    try:
        results = await _THREADS.run(service_of(request).test, channel_id)
    except ChannelBusyError as error:
        raise RequestError(409, str(error), code="conflict") from None
    if not results:
        raise RequestError(
            404, "this viewer has no such channel; IMAGE_TRACING_ALERT_URLS of its environment says which"
        )
    return results


def service_of(request: Request) -> AlertService:
    """The alerts of the app."""
    found: AlertService = request.app.state.alerts
    return found


def told(act: Callable[[], Result]) -> Result:
    """What the act gives; its errors as answers."""
    try:
        return act()
    except UnknownRuleError as error:
        raise RequestError(404, str(error)) from None
    except RuleConflictError as error:
        raise RequestError(409, str(error), code="conflict") from None
    except InvalidRuleError as error:
        raise RequestError(400, str(error), code="invalid_rule") from None


def snooze_until(minutes: int) -> datetime | None:
    """When a snooze of so many minutes from now ends; None for 0, which wakes."""
    return datetime.now(UTC) + timedelta(minutes=minutes) if minutes else None


async def _answered(act: Callable[[], Result]) -> Result:
    return await run_in_threadpool(told, act)


async def _rule_answer(request: Request, rule_id: str, status_code: int) -> Response:
    overview = await run_in_threadpool(service_of(request).alerts.overview)
    for state in overview.rules:
        if state.rule.id == rule_id:
            return JSONResponse(rule_document(state), status_code)
    raise RequestError(404, f"the rule {shown(rule_id)} was deleted meanwhile")


async def _body(request: Request) -> Json:
    """The JSON object that was sent."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestError(415, "the body must be JSON, and say so: Content-Type: application/json")
    try:
        document = json.loads(await request.body())
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise RequestError(400, "the body must be a JSON object", code="invalid_body")
    return document


def _id_from(request: Request) -> str:
    values = single_values(request.query_params, accepted=("id",))
    if "id" not in values:
        raise InvalidFilterError("which rule is meant? give id=<id of the rule>")
    return values["id"]


def _history_from(request: Request) -> tuple[int, UUID | None, str | None]:
    values = single_values(request.query_params, accepted=("limit", "before", "rule"))
    limit, before = values.get("limit", str(HISTORY_DEFAULT)), values.get("before")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 1 <= int(limit) <= HISTORY_MAX):
        raise InvalidFilterError(
            f"limit must be a whole number from 1 to {HISTORY_MAX}; found {shown(limit)}"
        )
    if before is not None and not is_uuid(before):
        raise InvalidFilterError(f"before must be the next_before of a page; found {shown(before)}")
    return int(limit), UUID(before) if before else None, values.get("rule")


def _snooze_from(document: Mapping[str, Any]) -> tuple[str, str, datetime | None]:
    rule_id, subject = document.get("rule"), document.get("subject", "")
    minutes = document.get("minutes")
    is_known = isinstance(rule_id, str) and isinstance(subject, str) and len(subject) <= SUBJECT_MAX_LENGTH
    named = f"{rule_id}{subject}"
    if set(document) - {"rule", "subject", "minutes"} or not is_known or without_poison(named) != named:
        raise RequestError(
            400,
            'the body must be {"rule": "<id>", "minutes": 60}, and may name one model as "subject"',
            code="invalid_body",
        )
    if type(minutes) is not int or not 0 <= minutes <= SNOOZE_MAX_MINUTES:
        raise RequestError(
            400,
            f"minutes must be a whole number from 0, which wakes, to {SNOOZE_MAX_MINUTES}",
            code="invalid_body",
        )
    return str(rule_id), str(subject), snooze_until(minutes)


_METHODS: Final = ["GET", "POST", "PUT", "DELETE"]

# Before those of traces, whose id would be taken for "alerts".
routes: Final[list[BaseRoute]] = [
    Route("/api/traceImage/alerts", AlertRoutes, methods=_METHODS, name="api_alerts"),
    Route("/api/traceImage/alerts/snooze", snooze, methods=["POST"], name="api_alerts_snooze"),
    Route("/api/traceImage/alerts/test", test, methods=["POST"], name="api_alerts_test"),
]
