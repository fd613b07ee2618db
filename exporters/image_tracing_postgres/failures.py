"""What a failure of psycopg means, by SQLSTATE: its classes mix what passes with what never will."""

import re
from typing import Final, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.errors import DatabaseUnavailableError, SchemaMissingError

Kind = Literal["poison", "schema", "canceled", "unavailable"]

# Data that no repetition stores: 22 data exception, 23 constraint violation, 54 program limit exceeded,
# P0 raised by a trigger of the user's. Others pass with time: 08, 25006, 28, 40, 42501, 53, 55, 57, 58, XX.
_POISON_CLASSES = ("22", "23", "54", "P0")
# Undefined table, column and function, invalid schema: the migrations did not run, or only older ones.
_SCHEMA_STATES = frozenset({"42P01", "42703", "42883", "3F000", "42704"})
# The states that a root can have are ours: a table that refuses one is older than this code.
_STATES_CONSTRAINT = "image_traces_root_state_check"

# What libpq and the pool say, among addresses that they quote.
_PHRASES: Final = {
    "connection refused": "connection refused",
    "timeout expired": "timeout expired",
    "timed out": "timeout expired",
    "no such file or directory": "no server at that socket",
    "could not translate host name": "the host's name is not known",
    "no route to host": "no route to the host",
    "network is unreachable": "the network is unreachable",
    "server closed the connection": "the server closed the connection",
    "certificate": "the certificate was not accepted",
    "couldn't get a connection": "all connections are busy",
}


def kind_of(error: BaseException) -> Kind:
    """`poison`: the data can never be stored. `schema`: a migration is needed. `unavailable`: try again.

    `canceled`: the server was at work until a time limit; that passes, or it is the data's fault.
    """
    if not isinstance(error, psycopg.Error):
        # Memory and files are short for all data alike.
        return "unavailable" if isinstance(error, MemoryError | OSError) else "poison"
    state = error.sqlstate
    if state == "23514" and error.diag.constraint_name == _STATES_CONSTRAINT:
        return "schema"
    if state is None:
        # Raised in the client: data that cannot be sent, or a connection that is gone.
        return "poison" if isinstance(error, psycopg.DataError | psycopg.NotSupportedError) else "unavailable"
    if state.startswith(_POISON_CLASSES):
        return "poison"
    if state == "57014":
        return "canceled"
    return "schema" if state in _SCHEMA_STATES else "unavailable"


def place_of(conninfo: str) -> str:
    """Host, port and database of a conninfo, never its user's password."""
    try:
        parts = conninfo_to_dict(conninfo)
    except psycopg.Error:
        return "the given address"
    host = str(parts.get("host") or parts.get("hostaddr") or "localhost").rpartition("@")[2]
    name = str(parts.get("dbname") or parts.get("user") or "postgres").rpartition("@")[2]
    port = parts.get("port")
    return f"database {name!r} on {host}" + (f":{port}" if port else "")


class UnreachableError(psycopg.OperationalError):
    """No connection could be made; the message is fit for a log."""


def reason_of(error: BaseException) -> str:
    """The first line of an error, without anything that could hold a part of a DSN.

    libpq quotes what it could not read, and a password with a stray `@` ends up in the host's name.
    """
    text = str(error).strip() or type(error).__name__
    if isinstance(error, UnreachableError) or not isinstance(error, psycopg.Error) or error.sqlstate:
        return _one_line(text)
    if isinstance(error, psycopg.ProgrammingError):
        return "the address cannot be read"
    if match := re.search(r"FATAL:\s*(.*)", text):
        return _one_line(re.sub(r'"[^"]*@[^"]*"', '"…"', match[1]))
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return "timeout expired"
    for phrase, reason in _PHRASES.items():
        if phrase in text.lower():
            return reason
    return "no connection"


def _one_line(text: str) -> str:
    line = text.splitlines()[0]
    return "".join(c if c.isprintable() else "?" for c in line)[:300]


def translated(error: psycopg.Error, conninfo: str) -> ImageTracingError:
    """The error of ours that a reader of the database gets for one of psycopg's."""
    place = place_of(conninfo)
    if kind_of(error) == "schema":
        return SchemaMissingError(
            f"the tables of image-tracing are needed, {place} lacks them or has older ones "
            f"({reason_of(error)}); create them with: image-tracing migrate"
        )
    if error.sqlstate == "57014":
        return DatabaseUnavailableError(
            f"an answer within the time limit was wanted, {place} was still working on it; "
            "narrow the filters or try again"
        )
    return DatabaseUnavailableError(
        f"a working connection is needed, {place} gave none ({reason_of(error)}); "
        "check that the server runs and that IMAGE_TRACING_DATABASE_URL is right"
    )
