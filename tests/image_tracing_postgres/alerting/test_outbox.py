"""Messages: claimed by one, sent, confirmed; and what becomes of those of a viewer that ended."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from tests.image_tracing_postgres.alerting.conftest import MINUTE, NOON, Calls

from image_tracing_postgres.alerting import Alerts, Channel, Message


@pytest.fixture
def another(database: str) -> Iterator[Alerts]:
    with Alerts(database) as alerts:
        yield alerts


@pytest.fixture
def message(alerts: Alerts, calls: Calls) -> UUID:
    """A firing that waits to be sent to one channel."""
    alerts.outbox.see({"channel": "JSON"})
    calls.add_many(6, "timeout", before=NOON)
    alerts.evaluate(NOON)
    [entry] = alerts.history()
    assert (entry.messages, entry.sent) == (1, 0)
    return entry.id


def claimed(alerts: Alerts) -> Message:
    message = alerts.outbox.claim("channel")
    assert message is not None
    return message


def channel(alerts: Alerts) -> Channel:
    [channel] = alerts.overview().channels
    return channel


def passed(database: str, seconds: int) -> None:
    """Let this much time have passed for the outbox."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "UPDATE image_alert_messages SET due_at = due_at - %(time)s,"
            " claimed_until = claimed_until - %(time)s, created_at = created_at - %(time)s",
            {"time": timedelta(seconds=seconds)},
        )


def test_a_message_is_claimed_once(alerts: Alerts, another: Alerts, message: UUID) -> None:
    assert claimed(alerts).entry.id == message
    assert alerts.outbox.claim("channel") is None
    assert another.outbox.claim("channel") is None


def test_a_sent_message_never_comes_again(
    alerts: Alerts, another: Alerts, message: UUID, database: str
) -> None:
    alerts.outbox.confirm(claimed(alerts).id)
    passed(database, 3600)

    assert another.outbox.claim("channel") is None
    assert [entry.sent for entry in alerts.history()] == [1]
    assert channel(alerts).waiting == 0


def test_the_message_of_a_viewer_that_ended_comes_to_another(
    alerts: Alerts, another: Alerts, message: UUID, database: str
) -> None:
    first = claimed(alerts)
    passed(database, 61)

    again = claimed(another)

    assert (again.id, again.may_be_repeat, first.may_be_repeat) == (first.id, True, False)


def test_who_still_sends_keeps_the_message(
    alerts: Alerts, another: Alerts, message: UUID, database: str
) -> None:
    first = claimed(alerts)
    passed(database, 50)
    alerts.outbox.keep([first.id])
    passed(database, 50)

    assert another.outbox.claim("channel") is None


def test_who_lost_a_message_cannot_confirm_it(
    alerts: Alerts, another: Alerts, message: UUID, database: str
) -> None:
    lost = claimed(alerts)
    passed(database, 61)
    claimed(another)

    alerts.outbox.confirm(lost.id)

    assert channel(alerts).waiting == 1


def test_a_message_that_is_not_taken_comes_up_again_later(
    alerts: Alerts, message: UUID, database: str
) -> None:
    alerts.outbox.release(claimed(alerts), "HTTP 500")
    assert alerts.outbox.claim("channel") is None
    passed(database, 10)

    again = claimed(alerts)

    assert (again.tries, again.may_be_repeat) == (2, False)
    assert channel(alerts).problem == "HTTP 500"


def test_what_may_have_arrived_says_so_from_then_on(alerts: Alerts, message: UUID, database: str) -> None:
    alerts.outbox.release(claimed(alerts), "no answer in time", is_open=True)
    assert alerts.outbox.claim("channel") is None
    passed(database, 10)
    again = claimed(alerts)
    alerts.outbox.release(again, "HTTP 500")
    passed(database, 20)

    assert (again.may_be_repeat, claimed(alerts).may_be_repeat) == (True, True)


def test_the_pause_grows(alerts: Alerts, message: UUID, database: str) -> None:
    for pause in (10, 20, 40):
        alerts.outbox.release(claimed(alerts), "HTTP 500")
        passed(database, pause - 1)
        assert alerts.outbox.claim("channel") is None
        passed(database, 1)


def test_a_channel_that_works_again_has_no_problem(alerts: Alerts, message: UUID, database: str) -> None:
    alerts.outbox.release(claimed(alerts), "HTTP 500")
    passed(database, 10)
    alerts.outbox.confirm(claimed(alerts).id)

    assert (channel(alerts).problem, channel(alerts).waiting) == (None, 0)
    assert channel(alerts).failed_at is not None


def test_after_a_day_a_message_is_given_up(alerts: Alerts, message: UUID, database: str) -> None:
    alerts.outbox.release(claimed(alerts), "HTTP 500")
    passed(database, 86_401)
    alerts.evaluate(NOON + MINUTE)

    assert alerts.outbox.claim("channel") is None
    assert (channel(alerts).waiting, channel(alerts).given_up) == (0, 1)


def test_a_recovery_waits_for_its_firing(
    alerts: Alerts, another: Alerts, message: UUID, calls: Calls, database: str
) -> None:
    firing = claimed(alerts)
    calls.add_many(10, None, before=NOON + 3 * MINUTE)
    another.evaluate(NOON + 3 * MINUTE)
    another.evaluate(NOON + 4 * MINUTE)
    assert another.outbox.claim("channel") is None

    alerts.outbox.confirm(firing.id)

    assert claimed(another).entry.status == "recovered"


def test_each_channel_gets_its_own_message(alerts: Alerts, calls: Calls) -> None:
    alerts.outbox.see({"one": "JSON", "two": "Slack"})
    calls.add_many(6, "timeout", before=NOON)
    alerts.evaluate(NOON)

    ids = {name: message.id for name in ("one", "two") if (message := alerts.outbox.claim(name))}

    assert len(set(ids.values())) == 2


def test_a_channel_that_no_viewer_has_any_more_gets_nothing(
    alerts: Alerts, calls: Calls, database: str
) -> None:
    alerts.outbox.see({"channel": "JSON"})
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE image_alert_channels SET seen_at = now() - interval '25 hours'")
    calls.add_many(6, "timeout", before=NOON)

    alerts.evaluate(NOON)

    assert [entry.messages for entry in alerts.history()] == [0]
    assert alerts.overview().channels == []
