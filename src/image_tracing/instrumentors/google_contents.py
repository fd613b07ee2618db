"""What is given to Google's models, as plain values: contents as a prompt, configurations as options.

Its SDK takes models of pydantic and dicts alike, names in snake_case or camelCase.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from image_tracing.fields import Fields, first

_DEPTH_LIMIT = 8


def option(config: Any, name: str) -> Any:
    """One field of a configuration, None if it is not told."""
    if config is None:
        return None
    head, *others = name.split("_")
    return first(Fields.of(config), (name, head + "".join(word.title() for word in others)))


def options(value: Any, *, ignore: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields of a mapping or model that are told, all the way down, less those in `ignore`."""
    fields = _fields(value)
    return {name: _plain(field, 1) for name, field in fields if field is not None and name not in ignore}


def prompt(contents: Any) -> list[Any]:
    """What the user says last: texts as they are, pictures among them as type and size.

    Contents are one or many texts, parts, pictures and files, or the turns of a conversation.
    """
    said: list[Any] = []
    for turn in _turns(contents):
        if any(isinstance(part, str) for part in turn) or not any(isinstance(part, str) for part in said):
            said = turn
    return said


def _turns(contents: Any) -> Iterator[list[Any]]:
    """What the user says, turn by turn; what stands outside of any turn is one."""
    loose: list[Any] = []
    for content in contents if isinstance(contents, (list, tuple)) else (contents,):
        parts = None if isinstance(content, str) else option(content, "parts")
        if parts is None:
            loose.append(_part(content))
            continue
        if loose:
            yield loose
            loose = []
        if option(content, "role") != "model":
            yield [_part(part) for part in (parts if isinstance(parts, (list, tuple)) else (parts,))]
    if loose:
        yield loose


def _part(part: Any) -> Any:
    if isinstance(part, str):
        return part
    text = option(part, "text")
    if isinstance(text, str):
        return text
    blob = option(part, "inline_data")
    data = option(blob, "data")
    if data is not None:
        kind = option(blob, "mime_type")
        return f"<{kind}: {len(data)} bytes>" if isinstance(data, bytes) else f"<{kind}>"
    # Of a file that was uploaded before, the address.
    file = option(part, "file_data") or part
    address = option(file, "file_uri") or option(file, "uri")
    return address if isinstance(address, str) else part


def _plain(value: Any, depth: int) -> Any:
    """A value with the models in it as mappings; everything else is left to those who record it."""
    if depth > _DEPTH_LIMIT:
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, Mapping) or _is_model(value):
        return {name: _plain(field, depth + 1) for name, field in _fields(value) if field is not None}
    return value


def _fields(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return Fields(value).items() if _is_model(value) else []


def _is_model(value: Any) -> bool:
    return hasattr(type(value), "__pydantic_fields__") or hasattr(type(value), "model_fields")
