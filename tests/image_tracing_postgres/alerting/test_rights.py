"""Alerts for a role that does not own the tables."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from tests.image_tracing_postgres.alerting.conftest import NOON, Calls

from image_tracing_postgres.alerting import AlertRightsError, Alerts

DOCUMENT = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
GRANTS = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture
def role(database: str) -> Iterator[str]:
    """A role that may read the traces, under Row Level Security."""
    name = f"viewer_{uuid4().hex}"
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
        for table in map(sql.Identifier, ("image_traces", "image_attempts")):
            owner.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(table, sql.Identifier(name)))
            owner.execute(
                sql.SQL("CREATE POLICY reads ON {} TO {} USING (true)").format(table, sql.Identifier(name))
            )
        yield name
        owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def viewer(database: str, role: str) -> Alerts:
    return Alerts(make_conninfo(database, options=f"-c role={role}"))


def test_a_role_with_the_documented_rights_looks_at_the_rules(database: str, role: str, calls: Calls) -> None:
    calls.add_many(6, "timeout", before=NOON)
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("\n".join(GRANTS).replace("TO viewer", f"TO {role}").encode())

    with viewer(database, role) as alerts:
        alerts.evaluate(NOON)

        assert [entry.rule_id for entry in alerts.history()] == ["model-outage"]


@pytest.mark.parametrize(
    "rights", ["SELECT", "SELECT, INSERT, UPDATE, DELETE"], ids=["only reads", "without a policy"]
)
def test_a_role_that_may_not_write_is_told_so(database: str, role: str, rights: str) -> None:
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {role}".encode())

    with viewer(database, role) as alerts, pytest.raises(AlertRightsError, match="may only read"):
        alerts.evaluate(NOON)
