"""The arguments of one call as JSON text and attributes, in one pass: the hot path of every attempt.

What is to be done with a parameter is decided once for its name; simple values, the common case, become
JSON without a tree in between. Everything else goes the general way of `content`.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from json.encoder import encode_basestring
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing.content import captured, clean_text, is_only_numbers
from image_tracing.parameters import is_given
from image_tracing.redaction import REDACTED, is_secret_name
from image_tracing.storable import FIELD_LIMIT_BYTES, Json, encoded, shortened
from image_tracing.vocabulary import (
    INTEGER,
    NUMBER,
    STANDARD,
    TEXT,
    add_standard_attribute,
    standard_attributes,
)

_INT64: Final = 2**63
_RULES_LIMIT: Final = 1_000
# Four bytes a character at most: a shorter text needs no measuring.
_SHORT: Final = FIELD_LIMIT_BYTES // 4

# The name as it begins a JSON member, its standard attribute and that one's kind, whether it names a secret.
_Rule = tuple[str, str | None, str | None, bool]


class Options:
    """How to record the parameters of one function, less those that are `left_out`."""

    def __init__(self, left_out: Iterable[str], *, is_attempt: bool) -> None:
        self._left_out = frozenset(left_out)
        self._is_attempt = is_attempt
        self._rules: dict[str, _Rule | None] = {}

    def written(
        self,
        arguments: Mapping[str, Any],
        *,
        clean: Callable[[str], str],
        has_content: bool,
        into: dict[str, Any],
    ) -> None:
        """Add the request and the standard attributes that `arguments` tell to `into`."""
        members = []
        rules = self._rules
        for name, value in arguments.items():
            rule = rules.get(name, _UNKNOWN)
            if rule is _UNKNOWN:
                rule = self._rule(name)
            if rule is None:
                continue
            opening, key, kind, is_secret = rule
            value_type = type(value)
            if value is None or value_type is bool:
                members.append(opening + _CONSTANTS[value])
                if key is not None and value is not None:
                    add_standard_attribute(key, kind, value, into, has_content=has_content)
            elif is_secret:
                members.append(f'{opening}"{REDACTED}"')
            elif value_type is str:
                if not has_content:
                    if key is not None and is_only_numbers(value):
                        add_standard_attribute(key, kind, value, into, has_content=False)
                    members.append(opening + _HIDDEN)
                    continue
                text = clean(value)
                members.append(opening + encode_basestring(text))
                if kind is TEXT:
                    into[key] = text  # type: ignore[index]
                elif key is not None:
                    add_standard_attribute(key, kind, text, into, has_content=True)
            elif value_type is int and -_INT64 <= value < _INT64:
                members.append(f"{opening}{value}")
                if kind is INTEGER or kind is NUMBER:
                    into[key] = value  # type: ignore[index]
            elif value_type is float and math.isfinite(value):
                members.append(f"{opening}{value!r}")
                if kind is NUMBER:
                    into[key] = value  # type: ignore[index]
            elif is_given(value):
                tree = captured(value, has_content=has_content)
                members.append(opening + encoded(tree))
                if self._is_attempt:
                    standard_attributes({name: tree}, has_content=has_content, into=into)
        if members:
            _write_request("{" + ",".join(members) + "}", into)

    def left(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that are recorded, as they are."""
        return {
            name: value for name, value in arguments.items() if name not in self._left_out and is_given(value)
        }

    def _rule(self, name: str) -> _Rule | None:
        rule: _Rule | None = None
        if name not in self._left_out:
            opening = encode_basestring(clean_text(name)) + ":"
            key, kind = STANDARD.get(name, (None, None)) if self._is_attempt else (None, None)
            rule = (opening, key, kind, is_secret_name(name))
        if len(self._rules) < _RULES_LIMIT:
            self._rules[name] = rule
        return rule


def write_request_tree(tree: Json, into: dict[str, Any]) -> None:
    """Add a request told as a whole to `into`."""
    if tree is not None and tree != {}:
        text, is_cut = shortened(tree)[1:]
        into[names.REQUEST] = text
        if is_cut:
            into[names.TRUNCATED] = True


def _write_request(text: str, into: dict[str, Any]) -> None:
    if len(text) <= _SHORT:
        into[names.REQUEST] = text
    else:
        write_request_tree(json.loads(text), into)


_UNKNOWN: Final[_Rule] = ("", None, None, False)
_CONSTANTS: Final = {None: "null", True: "true", False: "false"}
_HIDDEN: Final = '"[not captured]"'
