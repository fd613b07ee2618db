"""Two containers on one volume: each sees only its own processes, and there is still one server."""

import subprocess
import sys
from pathlib import Path

import psycopg

from image_tracing_postgres.embedded import EmbeddedPostgres

IN_CONTAINER = ["unshare", "--pid", "--ipc", "--mount", "--fork", "--mount-proc", sys.executable, "-c"]
JOIN_AND_STOP = """
import sys, psycopg
from pathlib import Path
from image_tracing_postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
postgres = EmbeddedPostgres(Path(sys.argv[1]))
with psycopg.connect(postgres.start(), autocommit=True) as connection:
    connection.execute("INSERT INTO kept VALUES (43)")
print(postgres.started_by_us)
try:
    postgres.stop()
except EmbeddedPostgresError as error:
    print(error)
"""


def test_another_container_joins_the_server_and_cannot_end_it(
    postgres: EmbeddedPostgres, folder: Path
) -> None:
    conninfo = postgres.start()

    said = subprocess.run(
        [*IN_CONTAINER, JOIN_AND_STOP, folder], capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert said[0] == "False"
    assert "runs in another container, whose processes cannot be seen from here; stop it there" in said[1]
    with psycopg.connect(conninfo) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (2,)


def test_a_container_that_ends_takes_the_server_but_no_row(postgres: EmbeddedPostgres, folder: Path) -> None:
    # Its first process goes, and the kernel kills all others in it, the server too.
    subprocess.run([*IN_CONTAINER, JOIN_AND_STOP.replace("postgres.stop()", "pass"), folder], check=True)

    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (2,)
    assert postgres.started_by_us
