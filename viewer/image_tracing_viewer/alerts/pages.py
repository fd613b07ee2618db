"""The pages of the alerts: what fires and what happened, and the form of a rule; all without scripts."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from image_tracing_postgres.alerting import InvalidRuleError, Rule
from image_tracing_postgres.alerting.book import PRESETS_BY_ID
from image_tracing_postgres.alerting.rules import KINDS, Kind
from image_tracing_postgres.alerting.sentences import limit
from image_tracing_viewer.alerts.api import service_of, snooze_until, tested, told
from image_tracing_viewer.alerts.form import (
    KIND_WORDS,
    document_from,
    fields_of_form,
    filters_of_form,
    problem_of,
)
from image_tracing_viewer.alerts.view import AlertsView, alerts_view
from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.links import links_of
from image_tracing_viewer.query import is_uuid, single_values
from image_tracing_viewer.rendering import rendered
from image_tracing_viewer.suggestions import suggestions

_HISTORY: Final = 25
_FORM: Final = "application/x-www-form-urlencoded"
_SNOOZES: Final[Mapping[str, int]] = {"1 hour": 60, "8 hours": 480, "1 day": 1_440, "1 week": 10_080}


class AlertsPage(HTTPEndpoint):
    """All alerts, and the buttons on them."""

    def get(self, request: Request) -> Response:
        """The page; with `partial=alerts` what changes by itself."""
        values = single_values(request.query_params, accepted=("before", "partial", "tested"))
        view = _view(request, values.get("before"))
        if values.get("partial") == "alerts":
            return rendered(request, "_alerts.html", view=view, snoozes=_SNOOZES)
        return rendered(
            request,
            "alerts.html",
            current="alerts",
            view=view,
            snoozes=_SNOOZES,
            results=service_of(request).outcome(values.get("tested", "")),
            strip=request.app.state.health.strip(),
        )

    async def post(self, request: Request) -> Response:
        """What a button asks for: to snooze, to wake, to switch on or off, to test a channel."""
        form = await _form(request)
        if form.get("action") == "test":
            # To load the answer again must not send again.
            key = service_of(request).keep_outcome(await tested(request, form.get("channel") or None))
            return RedirectResponse(f"{links_of(request).alerts}?{urlencode({'tested': key})}", 303)
        return await run_in_threadpool(_acted, request, form)


class RulePage(HTTPEndpoint):
    """The form of one rule, or of a new one."""

    def get(self, request: Request) -> Response:
        """The form."""
        values = single_values(request.query_params, accepted=("kind",))
        rule = _rule(request)
        return _rule_page(request, rule, _kind(values.get("kind"), rule))

    async def post(self, request: Request) -> Response:
        """Saves the rule, or deletes it; a form that cannot be used comes back with what is wrong."""
        form = await _form(request)
        return await run_in_threadpool(_saved, request, form)


def _acted(request: Request, form: Mapping[str, str]) -> Response:
    alerts, rule_id = service_of(request).alerts, form.get("rule", "")
    match form.get("action"):
        case "snooze":
            minutes = form.get("minutes", "")
            if minutes not in map(str, _SNOOZES.values()):
                raise RequestError(400, "a snooze takes an hour, eight, a day or a week")
            until = snooze_until(int(minutes))
            told(lambda: alerts.snooze(rule_id, until, subject=form.get("subject", "")[:500]))
        case "wake":
            told(lambda: alerts.snooze(rule_id, None, subject=form.get("subject", "")[:500]))
        case "switch":
            is_enabled = form.get("to") == "on"
            told(lambda: alerts.change_rule(rule_id, {"is_enabled": is_enabled}))
        case _:
            raise RequestError(400, "this button is not known; load the page again")
    return RedirectResponse(links_of(request).alerts, 303)


def _saved(request: Request, form: Mapping[str, str]) -> Response:
    alerts, rule = service_of(request).alerts, _rule(request)
    kind = _kind(form.get("kind"), rule)
    is_deletion = form.get("action") == "delete"
    if not is_deletion and (problem := problem_of(form, kind)):
        return _rule_page(request, rule, kind, given=form, problem=problem)
    try:
        if is_deletion:
            if rule is None:
                raise RequestError(404, "a rule that is not saved cannot be deleted")
            alerts.delete_rule(rule.id)
        elif rule is None:
            alerts.add_rule(document_from(form, kind))
        else:
            alerts.change_rule(rule.id, document_from(form, kind))
    except InvalidRuleError as error:
        return _rule_page(request, rule, kind, given=form, problem=str(error))
    return RedirectResponse(links_of(request).alerts, 303)


def _view(request: Request, before: str | None) -> AlertsView:
    if before is not None and not is_uuid(before):
        raise RequestError(400, "this page of the history is not known; begin with the newest")
    service, links = service_of(request), links_of(request)
    history = service.alerts.history(limit=_HISTORY + 1, before=UUID(before) if before else None)
    older = None
    if len(history) > _HISTORY:
        older = f"{links.alerts}?{urlencode({'before': str(history[_HISTORY - 1].id)})}"
    return alerts_view(
        service.alerts.overview(),
        history[:_HISTORY],
        service=service,
        links=links,
        older=older,
        is_newest=before is None,
    )


def _rule_page(
    request: Request,
    rule: Rule | None,
    kind: Kind,
    *,
    given: Mapping[str, str] | None = None,
    problem: str | None = None,
) -> Response:
    kept = rule if rule is not None and rule.kind == kind else None
    return rendered(
        request,
        "alert_rule.html",
        status_code=400 if problem else 200,
        current="alerts",
        rule=rule,
        kind=kind,
        kinds=KIND_WORDS,
        name=given.get("name", "") if given is not None else rule.name if rule else "",
        limits=fields_of_form(kind, kept, given),
        filters=filters_of_form(rule, given),
        each_model=given.get("each_model") == "on" if given is not None else rule is None or rule.each_model,
        is_enabled=given.get("is_enabled") == "on" if given is not None else rule is None or rule.is_enabled,
        is_preset=rule is not None and rule.id in PRESETS_BY_ID,
        told=limit(rule) if rule is not None else "",
        known=suggestions(request.app.state.store),
        problem=problem and problem[:1].upper() + problem[1:],
        strip=request.app.state.health.strip(),
    )


def _rule(request: Request) -> Rule | None:
    rule_id = request.path_params["id"]
    if rule_id == "new":
        return None
    find: Callable[[], Rule] = lambda: service_of(request).alerts.rule(rule_id)  # noqa: E731
    return told(find)


def _kind(name: str | None, rule: Rule | None) -> Kind:
    default: Kind = rule.kind if rule is not None else "failure_rate"
    found = next((kind for kind in KINDS if kind == name), None)
    if name and found is None:
        raise RequestError(400, f"there is no such kind of rule; there are {', '.join(KINDS)}")
    return found or default


async def _form(request: Request) -> dict[str, str]:
    """What a form of ours sent, each name once."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise RequestError(415, f"the form must come as {_FORM}")
    try:
        pairs = parse_qsl((await request.body()).decode("utf-8"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise RequestError(400, "the form cannot be read; load the page again") from None
    return {name: value.replace("\0", "") for name, value in pairs}


# Before those of traces, whose id would be taken for "alerts".
routes: Final[list[BaseRoute]] = [
    Route("/traceImage/alerts", AlertsPage, name="alerts"),
    Route("/traceImage/alerts/{id}", RulePage, name="alert_rule"),
]
