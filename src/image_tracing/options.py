"""The arguments of one call as JSON text and attributes, in one pass: the hot path of every attempt.

What is to be done with a parameter is decided once for its name; simple values, the common case, become
JSON without a tree in between. Everything else goes the general way of `content`.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing.content import captured, clean_text, is_only_numbers
from image_tracing.parameters import NOT_GIVEN, is_given
from image_tracing.redaction import REDACTED, is_secret_name
from image_tracing.storable import FIELD_LIMIT_BYTES, Json, encoded, shortened
from image_tracing.vocabulary import (
    INTEGER,
    NUMBER,
    STANDARD,
    add_standard_attribute,
    standard_attributes,
)

_INT64: Final = 2**63
_RULES_LIMIT: Final = 1_000
# Four bytes a character at most: a shorter text needs no measuring.
_SHORT: Final = FIELD_LIMIT_BYTES // 4


@dataclass(slots=True)
class _Rule:
    """How to record one parameter: `opening` is its name as a JSON member begins with it.

    `default` and what it gives are known from the first call on: most arguments of most calls are defaults.
    """

    opening: str
    key: str | None
    kind: str | None
    is_secret: bool
    default: object
    default_member: str = ""
    default_attributes: dict[str, Any] | None = None


class Options:
    """How to record the parameters of one function, less those that are `left_out`."""

    def __init__(
        self,
        left_out: Iterable[str],
        *,
        defaults: Mapping[str, object],
        is_attempt: bool,
        keeps_none: bool = True,
    ) -> None:
        self._left_out = frozenset(left_out)
        self._keeps_none = keeps_none
        self._is_attempt = is_attempt
        self._defaults = defaults
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
            try:
                rule = rules[name]
            except KeyError:
                rule = self._rule(name)
            if rule is None or (value is None and not self._keeps_none):
                continue
            if value is rule.default and has_content:
                members.append(rule.default_member)
                if rule.default_attributes:
                    into.update(rule.default_attributes)
            elif value is not NOT_GIVEN:
                member = self._member(name, value, rule, clean=clean, has_content=has_content, into=into)
                if member:
                    members.append(member)
        if members:
            _write_request("{" + ",".join(members) + "}", into)

    def _member(
        self,
        name: str,
        value: Any,
        rule: _Rule,
        *,
        clean: Callable[[str], str],
        has_content: bool,
        into: dict[str, Any],
    ) -> str:
        """One argument as a JSON member, "" for what was not given; its standard attributes go `into`."""
        key, kind = rule.key, rule.kind
        value_type = type(value)
        if value is None or value_type is bool:
            if key is not None and value is not None:
                add_standard_attribute(key, kind, value, into, has_content=has_content)
            return rule.opening + _CONSTANTS[value]
        if rule.is_secret:
            return f'{rule.opening}"{REDACTED}"'
        if value_type is str:
            if has_content:
                text = clean(value)
                if key is not None:
                    add_standard_attribute(key, kind, text, into, has_content=True)
                return rule.opening + encode_basestring(text)
            if key is not None and is_only_numbers(value):
                add_standard_attribute(key, kind, value, into, has_content=False)
            return rule.opening + _HIDDEN
        if value_type is int and -_INT64 <= value < _INT64:
            if kind is INTEGER or kind is NUMBER:
                into[key] = value  # type: ignore[index]
            return f"{rule.opening}{value}"
        if value_type is float and math.isfinite(value):
            if kind is NUMBER:
                into[key] = value  # type: ignore[index]
            return f"{rule.opening}{value!r}"
        if not is_given(value):
            return ""
        tree = captured(value, has_content=has_content)
        if self._is_attempt:
            standard_attributes({name: tree}, has_content=has_content, into=into)
        return rule.opening + encoded(tree)

    def left(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that are recorded, as they are."""
        return {
            name: value for name, value in arguments.items() if name not in self._left_out and is_given(value)
        }

    def _rule(self, name: str) -> _Rule | None:
        """What to do with a parameter of this name, decided at its first argument."""
        rule: _Rule | None = None
        if name not in self._left_out:
            opening = encode_basestring(clean_text(name)) + ":"
            key, kind = STANDARD.get(name, (None, None)) if self._is_attempt else (None, None)
            rule = _Rule(opening, key, kind, is_secret_name(name), default=_NO_DEFAULT)
            default = self._defaults.get(name, _NO_DEFAULT)
            # Only what cannot change is remembered.
            if type(default) in _CONSTANT_TYPES:
                attributes: dict[str, Any] = {}
                rule.default_member = self._member(
                    name, default, rule, clean=clean_text, has_content=True, into=attributes
                )
                rule.default_attributes = attributes
                rule.default = default
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


_NO_DEFAULT: Final = object()
_CONSTANT_TYPES: Final = frozenset({bool, float, int, str, type(None)})
_CONSTANTS: Final = {None: "null", True: "true", False: "false"}
_HIDDEN: Final = '"[not captured]"'
