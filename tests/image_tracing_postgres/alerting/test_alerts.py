"""Rules in a database: added, changed, deleted, snoozed; and the history."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from tests.image_tracing_postgres.alerting.conftest import MINUTE, NOON, Calls

from image_tracing_postgres.alerting import Alerts, InvalidRuleError, RuleConflictError, UnknownRuleError
from image_tracing_postgres.alerting.alerts import MOST_RULES
from image_tracing_postgres.alerting.presets import PRESETS
from image_tracing_postgres.errors import InvalidFilterError

RULE = {"name": "Flux is down", "kind": "failure_rate", "filters": {"model": "flux"}}


def test_the_presets_are_there_from_the_start(alerts: Alerts) -> None:
    assert tuple(alerts.rules()) == PRESETS


def test_a_new_rule_gets_an_id_from_its_name(alerts: Alerts) -> None:
    first, second = alerts.add_rule(RULE), alerts.add_rule(RULE)

    assert (first.id, second.id) == ("flux-is-down", "flux-is-down-2")
    assert first in alerts.rules()


def test_a_rule_whose_name_has_no_letters_gets_an_id(alerts: Alerts) -> None:
    assert alerts.add_rule({**RULE, "name": "警報"}).id == "rule"


def test_an_id_is_given_once(alerts: Alerts) -> None:
    with pytest.raises(RuleConflictError, match="there is a rule 'fallbacks' already"):
        alerts.add_rule({**RULE, "id": "fallbacks"})


def test_there_is_an_end_to_rules(alerts: Alerts) -> None:
    for _ in range(MOST_RULES - len(PRESETS)):
        alerts.add_rule(RULE)

    with pytest.raises(InvalidRuleError, match="there may be 100 rules"):
        alerts.add_rule(RULE)


def test_a_changed_preset_can_be_had_back(alerts: Alerts) -> None:
    alerts.change_rule("model-failures", {"share": 0.3})
    assert (alerts.rule("model-failures").share, alerts.rule("model-failures").source) == (0.3, "viewer")

    alerts.delete_rule("model-failures")

    assert tuple(alerts.rules()) == PRESETS


def test_a_preset_as_it_came_cannot_be_deleted(alerts: Alerts) -> None:
    with pytest.raises(RuleConflictError, match="switch it off instead"):
        alerts.delete_rule("fallbacks")


def test_a_rule_that_is_not_there_is_named(alerts: Alerts) -> None:
    for act in (
        lambda: alerts.rule("nothing"),
        lambda: alerts.change_rule("nothing", {}),
        lambda: alerts.delete_rule("nothing"),
        lambda: alerts.snooze("nothing", NOON),
    ):
        with pytest.raises(UnknownRuleError, match="there is no rule 'nothing'"):
            act()


def test_a_deleted_rule_leaves_its_history(alerts: Alerts, calls: Calls) -> None:
    rule = alerts.add_rule({**RULE, "minimum_count": 5})
    calls.add_many(6, "timeout", before=NOON)
    alerts.evaluate(NOON)
    alerts.delete_rule(rule.id)

    assert [entry.rule_id for entry in alerts.history(rule_id=rule.id)] == [rule.id]
    assert rule.id not in {state.rule.id for state in alerts.overview().rules}


def test_a_rule_that_watches_something_else_begins_anew(alerts: Alerts, calls: Calls) -> None:
    calls.add_many(6, "timeout", before=NOON)
    alerts.evaluate(NOON)

    alerts.change_rule("model-outage", {"filters": {"model": "sdxl"}})

    assert [state.states for state in alerts.overview().rules if state.rule.id == "model-outage"] == [[]]


def test_a_snooze_ends_by_itself_and_by_hand(alerts: Alerts) -> None:
    def snoozed() -> set[str]:
        return {state.rule.id for state in alerts.overview().rules if state.shown == "snoozed"}

    now = datetime.now(UTC)
    alerts.snooze("fallbacks", now + timedelta(hours=1))
    alerts.snooze("slow-model", now - timedelta(hours=1))
    assert snoozed() == {"fallbacks"}

    alerts.snooze("fallbacks", None)
    assert snoozed() == set()


def test_one_model_of_a_rule_can_be_snoozed(alerts: Alerts, calls: Calls) -> None:
    calls.add_many(6, "timeout", "timeout", before=NOON)
    alerts.snooze("model-outage", datetime.now(UTC) + timedelta(hours=1), subject="flux")

    alerts.evaluate(NOON)

    [rule] = [state for state in alerts.overview().rules if state.rule.id == "model-outage"]
    assert [(state.subject, state.shown) for state in rule.states] == [
        ("sdxl", "firing"),
        ("flux", "snoozed"),
    ]


@pytest.mark.parametrize("name", ["a" * 501, "a\0b", "\ud800"])
def test_a_name_that_no_model_has_cannot_be_snoozed(alerts: Alerts, name: str) -> None:
    for until in (NOON, None):
        with pytest.raises(InvalidRuleError, match="named by at most 500 characters, without NUL"):
            alerts.snooze("model-outage", until, subject=name)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_history_of_less_than_one_is_refused(alerts: Alerts, limit: int) -> None:
    with pytest.raises(InvalidFilterError, match=f"limit has to be 1 or more, not {limit}"):
        alerts.history(limit=limit)


@pytest.mark.parametrize("rule_id", ["a\0b", "\ud800", "nothing"])
def test_an_id_that_no_rule_had_has_no_history(alerts: Alerts, rule_id: str) -> None:
    assert alerts.history(rule_id=rule_id) == []


def test_the_history_goes_back_page_by_page(alerts: Alerts, calls: Calls) -> None:
    calls.add_many(6, "timeout", "timeout", "timeout", before=NOON)
    alerts.evaluate(NOON)

    first = alerts.history(limit=2)
    rest = alerts.history(before=first[-1].id)

    assert len({entry.id for entry in (*first, *rest)}) == len(first) + len(rest) == 3


_TRANSITIONS = """
INSERT INTO image_alert_transitions (
    id, rule_id, subject, status, before, at, is_told, count, title, body, query, evidence
)
SELECT gen_random_uuid(), 'rule', '', 'firing', 'ok', now(), true, 1, '', '', '',
    '{"traces": 0, "from": null, "to": null, "trace_ids": [], "error_classes": {}}'
FROM generate_series(1, 502)"""


def test_the_longest_page_of_the_history_tells_that_another_follows(database: str, alerts: Alerts) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(_TRANSITIONS)

    assert len(alerts.history(limit=501)) == 501


FILE = """
[[rule]]
id = "model-failures"
share = 0.25

[[rule]]
id = "lessons"
name = "Lessons fail"
kind = "failed_generations"
filters = { service = "lessons" }
"""


def test_rules_come_from_a_file(alerts: Alerts, tmp_path: Path) -> None:
    path = tmp_path / "alerts.toml"
    path.write_text(FILE)

    alerts.load_file(path)

    found = {rule.id: rule for rule in alerts.rules()}
    assert (found["model-failures"].share, found["model-failures"].name) == (0.25, "A model fails often")
    assert found["lessons"].filters == {"service": "lessons"}
    assert found["lessons"].source == "file"


def test_rules_go_when_they_leave_the_file(alerts: Alerts, tmp_path: Path) -> None:
    path = tmp_path / "alerts.toml"
    path.write_text(FILE)
    alerts.load_file(path)
    mine = alerts.add_rule(RULE)
    path.write_text("")

    alerts.load_file(path)

    assert tuple(alerts.rules()) == (*PRESETS, mine)


def test_a_rule_whose_file_says_to_watch_something_else_begins_anew(
    alerts: Alerts, calls: Calls, tmp_path: Path
) -> None:
    path = tmp_path / "alerts.toml"
    text = "[[rule]]\nid = 'mine'\nname = 'Mine'\nkind = 'failures_in_a_row'\nfilters = { model = '%s' }\n"
    calls.add_many(6, "timeout", before=NOON)
    calls.add_many(6, None, before=NOON, models=("sdxl",))
    path.write_text(text % "flux")
    alerts.load_file(path)
    alerts.evaluate(NOON)

    path.write_text(text % "sdxl")
    alerts.load_file(path)
    for minute in (1, 2):
        alerts.evaluate(NOON + minute * MINUTE)

    assert [entry.status for entry in alerts.history(rule_id="mine")] == ["firing"]


def test_a_file_that_is_read_again_forgets_nothing(alerts: Alerts, calls: Calls, tmp_path: Path) -> None:
    path = tmp_path / "alerts.toml"
    path.write_text(
        "[[rule]]\nid = 'model-outage'\nfailures = 4\nfilters = { model = 'flux', status = 'failed' }\n"
    )
    calls.add_many(6, "timeout", before=NOON)
    alerts.load_file(path)
    alerts.evaluate(NOON)

    alerts.load_file(path)

    assert [entry.status for entry in alerts.history()] == ["firing"]
    assert (
        len(next(state.states for state in alerts.overview().rules if state.rule.id == "model-outage")) == 1
    )


def test_what_is_in_a_file_is_changed_there(alerts: Alerts, tmp_path: Path) -> None:
    path = tmp_path / "alerts.toml"
    path.write_text(FILE)
    alerts.load_file(path)

    for act in (lambda: alerts.change_rule("lessons", {}), lambda: alerts.delete_rule("lessons")):
        with pytest.raises(RuleConflictError, match="'lessons' is in a file of rules; change it there"):
            act()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rule", "has to be TOML"),
        ("title = 'mine'", "has to hold tables .*; found title"),
        ("rule = 5", "found rule"),
        ("[[rule]]\nid = 'a'\nname = 'A'\nkind = 'mood'", "rule 1 of .*: kind has to be one of"),
        ("[[rule]]\nid = [1]\nname = 'A'\nkind = 'silence'", r"rule 1 of .*: id has to be .*, not \[1\]"),
        ("[[rule]]\nid = 'fallbacks'\n[[rule]]\nid = 'fallbacks'", "has fallbacks more than once"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    alerts: Alerts, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "alerts.toml"
    path.write_text(text)

    with pytest.raises(InvalidRuleError, match=message):
        alerts.load_file(path)
    assert tuple(alerts.rules()) == PRESETS


def test_a_file_that_is_not_there_is_named(alerts: Alerts, tmp_path: Path) -> None:
    with pytest.raises(InvalidRuleError, match="cannot be read"):
        alerts.load_file(tmp_path / "nothing.toml")


def test_the_overview_says_when_was_evaluated_last(alerts: Alerts) -> None:
    assert alerts.overview().evaluation is None
    alerts.evaluate(NOON)
    alerts.evaluate(NOON + MINUTE)

    evaluation = alerts.overview().evaluation
    assert evaluation is not None
    assert (evaluation.evaluated_at, evaluation.problems) == (NOON + MINUTE, {})
