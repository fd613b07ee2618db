import re
from typing import Any

import pytest

from image_tracing_postgres.alerting.presets import PRESETS
from image_tracing_postgres.alerting.rules import KINDS, InvalidRuleError, fields_of, rule_from

RULE = {"id": "rule", "name": "A rule", "kind": "failure_rate"}


def test_a_rule_has_the_defaults_of_its_kind() -> None:
    rule = rule_from(RULE, source="viewer")

    assert (rule.share, rule.window_minutes, rule.minimum_count) == (0.5, 15, 20)
    assert (rule.failures, rule.duration_ms, rule.objective) == (None, None, None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_written_as_json_is_read_back_the_same(kind: str) -> None:
    rule = rule_from({**RULE, "kind": kind, "filters": {"model": "flux", "q": "fox"}}, source="file")

    assert rule_from(rule.document(), source="file") == rule


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.id)
def test_a_preset_has_all_the_fields_of_its_kind(preset: Any) -> None:
    assert set(preset.document()) == {*fields_of(preset.kind), "source"}
    assert None not in preset.document().values()
    assert preset.is_enabled


def test_what_a_change_leaves_out_stays() -> None:
    rule = rule_from({**RULE, "share": 0.2, "filters": {"model": "flux"}}, source="viewer")

    changed = rule_from({"minimum_count": 7}, source="viewer", base=rule)

    assert (changed.share, changed.minimum_count, changed.filters) == (0.2, 7, {"model": "flux"})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "mood"}, "kind has to be one of failures_in_a_row"),
        ({"id": "Über"}, "id has to be 1 to 64 of a-z"),
        ({"name": " "}, "name has to be 1 to 200 characters"),
        ({"name": "two\nlines"}, "name has to be 1 to 200 characters on one line"),
        ({"share": 0}, "share has to be a number from 0.01 to 1, not 0"),
        ({"share": True}, "share has to be a number"),
        ({"share": float("nan")}, "share has to be a number"),
        ({"share": "0.5"}, "share has to be a number"),
        ({"share": 10**400}, "share has to be a number from 0.01 to 1, not 1000"),
        ({"window_minutes": -(10**400)}, "window_minutes has to be a whole number from 1 to 1440, not -1000"),
        ({"window_minutes": float("inf")}, "window_minutes has to be a whole number from 1 to 1440, not inf"),
        ({"window_minutes": 1441}, "window_minutes has to be a whole number from 1 to 1440, not 1441"),
        ({"minimum_count": 1.5}, "minimum_count has to be a whole number"),
        ({"is_enabled": "yes"}, "is_enabled has to be true or false, not 'yes'"),
        ({"failures": 3}, "a rule of the kind failure_rate has no 'failures'; accepted are id, name"),
        ({"filters": []}, "filters has to be an object"),
        ({"filters": {"from_": "2026-01-01"}}, "filters has no 'from_'; accepted are status, model"),
        ({"filters": {"status": "odd"}}, "filters: status has to be one of"),
        ({"filters": {"model": 7}}, "filters: model has to be a text, not 7"),
        ({"filters": {"model": "a\0b"}}, "filters: model has to have at most"),
        ({"filters": {"model": "\ud800"}}, "filters: model has to have at most"),
        ({"filters": {"q": ["fox"]}}, "filters: q has to be words"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_field_that_cannot_be_used_is_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRuleError, match=re.escape(message)):
        rule_from({**RULE, **fields}, source="viewer")


def test_a_rule_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidRuleError, match="a rule has to be an object"):
        rule_from([], source="viewer")  # type: ignore[arg-type]
