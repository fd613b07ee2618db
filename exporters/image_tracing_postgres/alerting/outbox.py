"""The messages that wait to be sent: each is claimed by one viewer, sent by it, and then confirmed.

A viewer that ends between the claim and the confirmation leaves it open whether the message was sent, and so
does a channel that gives no answer. Such a message is sent again, marked, and under the same key: an alarm
that comes twice is told apart by it, one that never comes by nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from image_tracing_postgres.alerting.book import check_rights
from image_tracing_postgres.alerting.records import Message, entry_from
from image_tracing_postgres.pool import Connections
from image_tracing_postgres.statements import statement

_FIRST_PAUSE_SECONDS: Final = 10.0
_LONGEST_PAUSE_SECONDS: Final = 900.0


class Outbox:
    """The messages of one database, for one viewer, whom `by` names. Safe between threads."""

    def __init__(self, connections: Connections, by: UUID, *, lease_seconds: float = 60.0) -> None:
        self.lease_seconds: Final = lease_seconds
        self._connections = connections
        self._by = by

    def see(self, channels: Mapping[str, str]) -> None:
        """Tell that a viewer has these channels, id to service: transitions from now on go to them too.

        Raises AlertRightsError where nothing can be written.
        """
        with self._connections.transaction() as cursor:
            check_rights(cursor)
            for id_ in sorted(channels):
                cursor.execute(statement("alerting/see_channel"), {"id": id_, "service": channels[id_]})

    def claim(self, channel_id: str) -> Message | None:
        """The next message for a channel, which nobody else gets as long as the claim is kept."""
        parameters = {"channel_id": channel_id, "by": self._by, "lease": self.lease_seconds}
        with self._connections.transaction() as cursor:
            row = cursor.execute(statement("alerting/claim"), parameters).fetchone()
            if row is None:
                return None
            id_, tries, was_claimed, *entry = row
            # What cannot be read is not claimed.
            return Message(id_, tries, was_claimed, entry_from(entry))

    def keep(self, ids: Sequence[UUID]) -> None:
        """Tell that these are still being sent; at least as often as twice in `lease_seconds`."""
        parameters = {"ids": list(ids), "by": self._by, "lease": self.lease_seconds}
        with self._connections.transaction() as cursor:
            cursor.execute(statement("alerting/keep_claim"), parameters)

    def confirm(self, id_: UUID) -> None:
        """It was sent."""
        with self._connections.transaction() as cursor:
            cursor.execute(statement("alerting/confirm"), {"id": id_, "by": self._by})

    def release(self, message: Message, problem: str, *, is_open: bool = False) -> None:
        """It was not taken; it comes up again after a pause that grows from 10 s to 15 min, for a day.

        `is_open`: it may have arrived all the same, which each further try will say.
        """
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(message.tries - 1, 20), _LONGEST_PAUSE_SECONDS)
        parameters = {
            "id": message.id,
            "by": self._by,
            "pause": pause,
            "problem": problem,
            "doubt": 0 if is_open or message.may_be_repeat else None,
        }
        with self._connections.transaction() as cursor:
            cursor.execute(statement("alerting/release"), parameters)
