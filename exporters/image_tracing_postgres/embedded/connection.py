"""The first connection to a server: is it there, does it take us, does it have our database?"""

import os
from pathlib import Path

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from image_tracing_postgres.embedded.configuration import ROLE
from image_tracing_postgres.embedded.sockets import PORT

DATABASE = "image_tracing"

_TIMEOUT_SECONDS = 10
_RECOVERING = ("is starting up", "in recovery mode", "not yet accepting connections")
_PASSING = (
    *_RECOVERING,
    "is shutting down",
    "terminating connection",
    "too many clients",
    "connection slots are reserved",
)


class Refusal(Exception):  # noqa: N818 - an answer to be weighed, not an error
    """Why there is no connection: nobody listens yet, the server recovers, or it does not want us."""

    @property
    def is_recovering(self) -> bool:
        """The server lives, and starts or works through its log after a crash."""
        return any(sign in str(self) for sign in _RECOVERING)

    @property
    def is_final(self) -> bool:
        """Asking again would not help."""
        return "FATAL:" in str(self) and not any(sign in str(self) for sign in _PASSING)


def conninfo_of(socket_folder: Path) -> str:
    """The conninfo of database `image_tracing`, after it was connected to; it is made if it is missing.

    Raises:
        Refusal: there is no such connection now.
    """
    conninfo = _conninfo(socket_folder, DATABASE)
    try:
        _connect(conninfo).close()
    except Refusal as refusal:
        if f'database "{DATABASE}" does not exist' not in str(refusal):
            raise
        _create_database(socket_folder)
        _connect(conninfo).close()
    return conninfo


def _create_database(socket_folder: Path) -> None:
    connection = _connect(_conninfo(socket_folder, "postgres"))
    try:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        # Whoever joined at the same moment was quicker.
        pass
    except (errors.ObjectInUse, psycopg.OperationalError) as error:
        raise Refusal(str(error)) from error
    finally:
        connection.close()


def _connect(conninfo: str) -> psycopg.Connection:
    try:
        return psycopg.connect(conninfo, autocommit=True, connect_timeout=_TIMEOUT_SECONDS)
    except (psycopg.OperationalError, UnicodeEncodeError) as error:
        # A folder whose name is no text: whoever starts the server has not yet noted another for the socket.
        raise Refusal(str(error).strip()) from error


def _conninfo(socket_folder: Path, database: str) -> str:
    return make_conninfo(host=os.fspath(socket_folder), port=PORT, user=ROLE, dbname=database)
