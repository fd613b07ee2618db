from datetime import UTC, datetime, timedelta

import pytest
from tests.image_tracing_postgres.alerting.conftest import NewRule

from image_tracing_postgres.alerting.evidence import Evidence

NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)


@pytest.mark.parametrize(("error_class", "is_asked_for"), [("timeout", True), ("odd", False)])
def test_a_link_asks_for_no_class_that_the_list_refuses(
    new_rule: NewRule, error_class: str, is_asked_for: bool
) -> None:
    evidence = Evidence(2, NOON, NOON + timedelta(minutes=1), error_classes={error_class: 2})

    assert ("error_class=" in evidence.query(new_rule("failure_rate"), "flux")) is is_asked_for
