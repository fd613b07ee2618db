"""A psycopg connection that never waits past its deadline, whatever the server does."""

import math
from collections.abc import Generator, Mapping
from threading import Event
from time import monotonic
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from image_tracing_postgres.failures import UnreachableError, reason_of

_Result = TypeVar("_Result")

# A server that vanishes without a word is noticed by its silence: 5 s idle, then 3 probes 2 s apart.
_KEEPALIVES: Final[Mapping[str, str | int | None]] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "image-tracing",
}


class BoundedConnection(psycopg.Connection[TupleRow]):
    """Gives up with `ConnectionTimeout` once `deadline` (monotonic seconds) has passed, or `stop` is set.

    A server that accepts and then keeps silent answers no statement_timeout; only the client can end that.
    After a time-out the connection is of no more use and has to be closed.
    """

    deadline: float = math.inf
    stop: Event | None = None

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for the server any more."""
        return monotonic() > self.deadline or (self.stop is not None and self.stop.is_set())

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """As psycopg's; an error says only why, since libpq quotes parts of the address, password too."""
        try:
            return super().connect(conninfo_with_defaults(conninfo), **kwargs)
        except psycopg.Error as error:
            raise UnreachableError(reason_of(error)) from None

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        return super().wait(_bounded(gen, self), *args, **kwargs)


def _bounded(
    gen: Generator[Any, Any, _Result], connection: BoundedConnection
) -> Generator[Any, Any, _Result]:
    try:
        state = next(gen)
        while True:
            # psycopg resumes the generator at least every 0.1 s, with a false value when nothing came.
            ready = yield state
            if not ready and connection.is_given_up:
                raise psycopg.errors.ConnectionTimeout("timeout expired: the server is silent")
            state = gen.send(ready)
    except StopIteration as stop:
        result: _Result = stop.value
        return result


def conninfo_with_defaults(conninfo: str) -> str:
    """The conninfo with keepalives and our name, where it does not say otherwise."""
    given = conninfo_to_dict(conninfo)
    return make_conninfo(
        conninfo, **{name: value for name, value in _KEEPALIVES.items() if name not in given}
    )


def connect(conninfo: str, *, deadline: float, autocommit: bool = False) -> BoundedConnection:
    """A new connection, made before `deadline` (monotonic seconds) and bounded by it.

    Named prepared statements are off, since behind pgbouncer they reach other clients' statements.

    Raises:
        psycopg.OperationalError: there is no such server, or it refused, or was too slow.
    """
    seconds = max(1, math.ceil(deadline - monotonic()))
    connection = BoundedConnection.connect(
        conninfo,
        autocommit=autocommit,
        prepare_threshold=None,
        connect_timeout=min(seconds, 5),
    )
    connection.deadline = deadline
    return connection
