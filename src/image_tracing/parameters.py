"""The parameters of a function, read once; the arguments of a call by name, defaults applied."""

from collections.abc import Callable, Mapping
from functools import partial
from inspect import Parameter, signature
from typing import Any, Final

_RECEIVERS: Final = frozenset({"self", "cls", "mcs"})
# Defaults that mean "not given" in the SDKs of OpenAI and its relatives.
_SENTINELS: Final = frozenset({"NotGiven", "Omit", "NotGivenOr", "_Missing", "Unset", "UnsetType", "MISSING"})


class _NotGiven:
    """Stands for a required argument until the call gives it."""


NOT_GIVEN: Final = _NotGiven()


class Parameters:
    """What a function takes; `arguments` is the hot path, everything else is done once."""

    def __init__(self, function: Callable[..., Any]) -> None:
        # A function without a readable signature (some of C) has only its keyword arguments captured.
        self._first_arguments: tuple[Any, ...] = ()
        self._keywords: Mapping[str, Any] = {}
        while isinstance(function, partial):
            self._first_arguments = function.args + self._first_arguments
            self._keywords = {**function.keywords, **self._keywords}
            function = function.func
        self._names: tuple[str, ...] = ()
        self._template: dict[str, Any] = {}
        self._extra_positions: str | None = None
        self._extra_keywords: str | None = None
        self._is_readable = True
        self.receivers: tuple[str, ...] = ()
        try:
            parameters = signature(function).parameters.values()
        except (TypeError, ValueError):
            self._extra_positions = "args"
            self._is_readable = False
            return
        names = []
        for index, parameter in enumerate(parameters):
            if parameter.kind is Parameter.VAR_POSITIONAL:
                self._extra_positions = parameter.name
                continue
            if parameter.kind is Parameter.VAR_KEYWORD:
                self._extra_keywords = parameter.name
                continue
            if parameter.kind is not Parameter.KEYWORD_ONLY:
                names.append(parameter.name)
            if index == 0 and parameter.name in _RECEIVERS:
                self.receivers = (parameter.name,)
            self._template[parameter.name] = (
                NOT_GIVEN if parameter.default is Parameter.empty else parameter.default
            )
        self._names = tuple(names)

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Name to value, in the order of the signature; `*args` as a tuple, `**kwargs` as names of their own.

        A call that the function itself will refuse gives what can be told of it.
        """
        if self._first_arguments:
            args = self._first_arguments + args
        arguments = self._template.copy()
        arguments.update(zip(self._names, args, strict=False))
        if self._keywords:
            arguments.update(self._keywords)
        if kwargs:
            arguments.update(kwargs)
        if self._extra_positions is not None and len(args) > len(self._names):
            arguments[self._extra_positions] = args[len(self._names) :]
        return arguments

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Name to default of all parameters, `NOT_GIVEN` for those without."""
        return self._template

    def can_be_given(self, name: str) -> bool:
        """Whether a call may give an argument of this name."""
        return (
            self._extra_keywords is not None
            or name in self._template
            or name == self._extra_positions
            or not self._is_readable
        )

    def mapping(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as a function of the user's receives them: `**kwargs` also under their own name."""
        values = {name: value for name, value in arguments.items() if value is not NOT_GIVEN}
        if self._extra_keywords is not None:
            extra = {name: value for name, value in values.items() if name not in self._template}
            extra.pop(self._extra_positions or "", None)
            values.setdefault(self._extra_keywords, extra)
        return values


def is_given(value: object) -> bool:
    """Whether an argument was given: neither our own mark nor an SDK's sentinel."""
    return value is not NOT_GIVEN and type(value).__name__ not in _SENTINELS
