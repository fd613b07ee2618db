"""Rules in a TOML file: a table `[[rule]]` each, and under the id of a preset only what differs from it."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from image_tracing_postgres.alerting.presets import PRESETS
from image_tracing_postgres.alerting.rules import InvalidRuleError, Rule, rule_from


def rules_of_file(path: Path) -> Sequence[Rule]:
    """The rules of the file, in its order.

    Raises:
        InvalidRuleError: the file cannot be read, is no TOML, or has a rule that cannot be used.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidRuleError(
            f"the rules of {path} are wanted, it cannot be read ({error.strerror}); give a file that can"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRuleError(f"{path} has to be TOML, and is not: {error}") from None
    tables: Any = document.pop("rule", [])
    if document or not isinstance(tables, list):
        found = ", ".join(document) or "rule"
        raise InvalidRuleError(f"{path} has to hold tables [[rule]] and nothing else; found {found}")
    presets = {preset.id: preset for preset in PRESETS}
    rules: list[Rule] = []
    for number, table in enumerate(tables, start=1):
        id_ = table.get("id") if isinstance(table, dict) else None
        base = presets.get(id_) if isinstance(id_, str) else None
        try:
            rules.append(rule_from(table, source="file", base=base))
        except InvalidRuleError as error:
            raise InvalidRuleError(f"rule {number} of {path}: {error}") from None
    ids = [rule.id for rule in rules]
    if repeated := {id_ for id_ in ids if ids.count(id_) > 1}:
        raise InvalidRuleError(
            f"{path} has {', '.join(sorted(repeated))} more than once; give each its own id"
        )
    return rules
