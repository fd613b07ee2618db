"""Steps over a real database: who evaluates, what is written, what happens to a rule that cannot be."""

import threading
from datetime import timedelta

import psycopg
import pytest
from tests.image_tracing_postgres.alerting.conftest import MINUTE, NOON, Calls, NewRule

from image_tracing_postgres.alerting import Alerts
from image_tracing_postgres.alerting.evidence import Evidence
from image_tracing_postgres.alerting.windows import MOST_SUBJECTS
from image_tracing_postgres.errors import DatabaseUnavailableError


def evaluated(alerts: Alerts, minutes: int) -> None:
    """A step at noon and one each minute after it."""
    for minute in range(minutes):
        assert alerts.evaluate(NOON + minute * MINUTE) is not None


def keep_only(alerts: Alerts, rule_id: str) -> None:
    """Switch all other rules off."""
    for rule in alerts.rules():
        alerts.change_rule(rule.id, {"is_enabled": rule.id == rule_id})


def test_an_outage_is_told_and_its_end_too(alerts: Alerts, calls: Calls) -> None:
    calls.add_many(20, None, before=NOON - 5 * MINUTE)
    calls.add_many(6, "timeout", before=NOON)
    evaluated(alerts, 1)
    calls.add_many(10, None, before=NOON + 3 * MINUTE)
    alerts.evaluate(NOON + 3 * MINUTE)
    alerts.evaluate(NOON + 4 * MINUTE)

    assert [entry.title for entry in alerts.history()] == [
        "Recovered: A model fails again and again: flux",
        "Firing: A model fails again and again: flux",
    ]


def test_a_firing_leads_to_its_traces(alerts: Alerts, calls: Calls) -> None:
    calls.add_many(6, "timeout", before=NOON)

    evaluated(alerts, 1)

    [entry] = alerts.history()
    assert entry.query == (
        "model=flux&error_class=timeout&from=2026-01-07T11%3A58%3A58Z&to=2026-01-07T11%3A59%3A48.000001Z"
    )
    assert len(entry.evidence.trace_ids) == 6
    assert entry.body == (
        "6 failures in a row, of 6 attempts; the rule: 5 failures of a model in a row within 3 h, "
        "lasting 30 s or more.\nErrors: 6 × timeout."  # noqa: RUF001
    )


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("fallback_rate", "least_models_tried=2"),
        ("failed_generations", "status=failed"),
        ("failure_rate", "error_class=timeout"),
    ],
)
def test_a_link_asks_for_what_the_rule_counts(new_rule: NewRule, kind: str, condition: str) -> None:
    evidence = Evidence(2, NOON, NOON + MINUTE, error_classes={"timeout": 2})

    assert condition in evidence.query(new_rule(kind), "").split("&")


def test_a_link_asks_for_a_class_only_if_all_have_it(new_rule: NewRule) -> None:
    evidence = Evidence(5, NOON, NOON + MINUTE, error_classes={"timeout": 2})

    assert "error_class" not in evidence.query(new_rule("fallback_rate"), "")


def test_a_recovery_leads_to_all_that_happened(alerts: Alerts, calls: Calls) -> None:
    calls.add_many(6, "timeout", before=NOON)
    evaluated(alerts, 1)
    calls.add_many(10, None, before=NOON + 3 * MINUTE)
    alerts.evaluate(NOON + 3 * MINUTE)
    alerts.evaluate(NOON + 4 * MINUTE)

    [recovery, firing] = alerts.history()
    assert recovery.evidence.from_ == firing.evidence.from_
    assert recovery.evidence.to == NOON + 4 * MINUTE + timedelta(microseconds=1)


def test_a_step_is_evaluated_once(database: str, alerts: Alerts) -> None:
    with Alerts(database) as another:
        assert alerts.evaluate(NOON) is not None
        assert another.evaluate(NOON + timedelta(seconds=59)) is None
        assert another.evaluate(NOON + MINUTE) is not None
        assert alerts.evaluate(NOON + MINUTE) is None


def test_of_many_at_once_one_evaluates(database: str) -> None:
    elected = []

    def evaluate(alerts: Alerts, barrier: threading.Barrier) -> None:
        barrier.wait()
        elected.append(alerts.evaluate(NOON))

    viewers = [Alerts(database) for _ in range(6)]
    barrier = threading.Barrier(len(viewers))
    threads = [threading.Thread(target=evaluate, args=(alerts, barrier)) for alerts in viewers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for alerts in viewers:
        alerts.close()

    assert sum(each is not None for each in elected) == 1


def test_who_comes_while_another_is_at_it_waits_for_nobody(database: str, alerts: Alerts) -> None:
    alerts.evaluate(NOON)
    with psycopg.connect(database) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(4823071955)")

        assert alerts.evaluate(NOON + MINUTE) is None
    assert alerts.evaluate(NOON + MINUTE) is not None


def test_states_say_what_was_found(alerts: Alerts, calls: Calls) -> None:
    calls.add_many(30, None, before=NOON)

    evaluated(alerts, 1)

    by_id = {state.rule.id: state for state in alerts.overview().rules}
    [state] = by_id["model-failures"].states
    assert (state.subject, state.shown, state.value, state.count) == ("flux", "ok", 0.0, 30)
    assert by_id["nothing-arrives"].shown == "ok"
    assert by_id["model-outage"].shown == "ok"
    assert by_id["slow-model"].shown == "ok"


def test_a_model_that_nobody_calls_any_more_has_no_data(alerts: Alerts, calls: Calls) -> None:
    calls.add_many(30, None, before=NOON)
    evaluated(alerts, 1)

    alerts.evaluate(NOON + timedelta(hours=4))

    by_id = {state.rule.id: state for state in alerts.overview().rules}
    assert [state.shown for state in by_id["model-failures"].states] == ["no_data"]


def test_a_model_of_long_ago_is_forgotten(alerts: Alerts, calls: Calls) -> None:
    calls.add_many(30, None, before=NOON)
    evaluated(alerts, 1)

    alerts.evaluate(NOON + timedelta(days=8))

    assert [state.states for state in alerts.overview().rules if state.rule.id == "model-failures"] == [[]]


_MADE_UP = """
INSERT INTO image_attempts (
    trace_id, span_id, started_at, ended_at, duration_ms, number, success, model, outcome
)
SELECT gen_random_uuid(), 'a', %(at)s, %(at)s, 1, 1, true, %(name)s || number, 'ok'
FROM generate_series(1, 300) AS made_up (number)"""


def test_names_that_somebody_makes_up_do_not_pile_up(database: str, alerts: Alerts, calls: Calls) -> None:
    calls.add_many(30, None, before=NOON)
    for minute, name in enumerate("cba"):
        now = NOON + minute * MINUTE
        with psycopg.connect(database) as connection:
            connection.execute(_MADE_UP, {"at": now - timedelta(seconds=1), "name": name})
        alerts.evaluate(now)

    by_id = {state.rule.id: state.states for state in alerts.overview().rules}
    for states in (by_id["model-failures"], by_id["slow-model"]):
        assert len(states) == MOST_SUBJECTS
        assert ("flux", "ok") in [(state.subject, state.shown) for state in states]


def test_what_fires_is_kept_before_any_made_up_name(database: str, alerts: Alerts, calls: Calls) -> None:
    calls.add_many(6, "timeout", before=NOON)
    alerts.evaluate(NOON)
    for minute, name in ((240, "b"), (480, "a")):
        now = NOON + minute * MINUTE
        with psycopg.connect(database) as connection:
            connection.execute(_MADE_UP, {"at": now - timedelta(seconds=1), "name": name})
        alerts.evaluate(now)

    [states] = [state.states for state in alerts.overview().rules if state.rule.id == "model-outage"]
    assert [state.subject for state in states if state.shown == "firing"] == ["flux"]


def test_a_state_that_stays_as_it_was_is_not_written_again(
    database: str, alerts: Alerts, calls: Calls
) -> None:
    calls.add_many(30, None, before=NOON)
    evaluated(alerts, 1)
    written = []
    for minute in (240, 241):
        alerts.evaluate(NOON + minute * MINUTE)
        with psycopg.connect(database) as connection:
            written += connection.execute(
                "SELECT xmin FROM image_alert_states WHERE rule_id = 'model-failures'"
            ).fetchall()

    assert written[0] == written[1]


def test_a_rule_that_cannot_be_used_stops_no_other(alerts: Alerts, calls: Calls, database: str) -> None:
    calls.add_many(6, "timeout", before=NOON)
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO image_alert_rules (id, source, definition, updated_at) VALUES"
            """ ('odd', 'viewer', '{"kind": "mood"}', now())"""
        )

    evaluation = alerts.evaluate(NOON)

    assert evaluation is not None
    assert list(evaluation.problems) == ["odd"]
    assert "kind has to be one of" in evaluation.problems["odd"]
    assert len(alerts.history()) == 1


def test_an_outage_of_all_models_is_read_as_often_as_one_of_one(
    database: str, alerts: Alerts, calls: Calls
) -> None:
    keep_only(alerts, "model-outage")
    reads: list[int] = []
    with psycopg.connect(database, autocommit=True) as connection:
        calls.add_many(6, "timeout", before=NOON)
        connection.execute("CREATE SEQUENCE reads")
        connection.execute("ALTER TABLE image_attempts RENAME TO kept")
        connection.execute(
            "CREATE VIEW image_attempts AS SELECT * FROM kept WHERE (SELECT nextval('reads')) > 0"
        )
        for minute in range(2):
            alerts.evaluate(NOON + minute * MINUTE)
            reads += connection.execute("SELECT nextval('reads')").fetchone() or ()
            for name in "abc":
                calls.add_many(6, "timeout", before=NOON + MINUTE, models=(name,))

    assert len(alerts.history()) == 4
    assert reads[1] - reads[0] == reads[0]


def test_an_alarm_whose_traces_take_too_long_comes_without(database: str, calls: Calls) -> None:
    calls.add_many(6, "timeout", before=NOON)
    with Alerts(database, rule_seconds=1) as alerts, psycopg.connect(database) as connection:
        keep_only(alerts, "model-outage")
        connection.execute("LOCK TABLE image_traces IN ACCESS EXCLUSIVE MODE")

        alerts.evaluate(NOON)

        [entry] = alerts.history()
    assert (entry.title, entry.is_told) == ("Firing: A model fails again and again: flux", True)
    assert (entry.query, entry.evidence.number) == ("model=flux", 0)


def test_a_rule_that_takes_too_long_is_told_and_tried_again(database: str, calls: Calls) -> None:
    calls.add_many(20, "timeout", before=NOON)
    with Alerts(database, rule_seconds=0.2) as alerts, psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE image_attempts IN ACCESS EXCLUSIVE MODE")

        evaluation = alerts.evaluate(NOON)
        connection.rollback()
        alerts.evaluate(NOON + MINUTE)

        assert evaluation is not None
        assert evaluation.problems["model-outage"].startswith("counting took longer than 0.2 s")
        assert [entry.at for entry in alerts.history(rule_id="model-outage")] == [NOON + MINUTE]


def test_rules_without_a_turn_are_the_first_in_the_next_look(database: str) -> None:
    with Alerts(database, rule_seconds=0.1) as alerts, psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE image_attempts, image_traces IN ACCESS EXCLUSIVE MODE")

        looks = [alerts.evaluate(NOON + number * MINUTE) for number in range(2)]

        first, second = (
            {id_ for id_, problem in look.problems.items() if "took longer" in problem}
            for look in looks
            if look is not None
        )
        assert first
        assert first | second == {rule.id for rule in alerts.rules()}


def test_every_rule_has_a_turn_at_last(database: str) -> None:
    with Alerts(database, rule_seconds=0.1) as alerts, psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE image_attempts RENAME TO kept")
        connection.execute(
            "CREATE VIEW image_attempts AS SELECT * FROM kept WHERE (SELECT pg_sleep(0.04)) IS NOT NULL"
        )
        connection.commit()
        waiting = {alerts.add_rule({"name": "A rule", "kind": "failure_rate"}).id for _ in range(30)}

        for number in range(40):
            look = alerts.evaluate(NOON + number * MINUTE)
            assert look is not None
            waiting &= {id_ for id_, problem in look.problems.items() if "without a turn" in problem}
            if not waiting:
                break

    assert waiting == set()


def test_a_rule_that_is_off_finds_nothing(alerts: Alerts, calls: Calls) -> None:
    calls.add_many(6, "timeout", before=NOON)
    alerts.change_rule("model-outage", {"is_enabled": False})

    evaluated(alerts, 2)

    assert alerts.history() == []
    assert next(state.shown for state in alerts.overview().rules if state.rule.id == "model-outage") == "off"


def test_a_snoozed_rule_is_written_down_and_not_told(alerts: Alerts, calls: Calls) -> None:
    calls.add_many(6, "timeout", before=NOON)
    alerts.outbox.see({"channel": "JSON"})
    alerts.snooze("model-outage", NOON + timedelta(days=99_999))

    evaluated(alerts, 1)

    [entry] = alerts.history()
    assert (entry.status, entry.is_told, entry.messages) == ("firing", False, 0)
    assert next(s.shown for s in alerts.overview().rules if s.rule.id == "model-outage") == "snoozed"


def test_a_database_that_is_away_is_told() -> None:
    with Alerts("host=127.0.0.1 port=9 dbname=nowhere") as alerts, pytest.raises(DatabaseUnavailableError):
        alerts.evaluate()
