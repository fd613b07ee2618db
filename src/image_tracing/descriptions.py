"""What stands for a value whose content must not be recorded: its type and its size."""

from typing import Final

# Standard classes whose text is short and cheap; named, so that their modules need no import.
_TEXT_CLASSES: Final = frozenset(
    {
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("pathlib", "PosixPath"),
        ("pathlib", "PurePosixPath"),
        ("pathlib", "PureWindowsPath"),
        ("pathlib", "WindowsPath"),
        ("pathlib._local", "PosixPath"),
        ("pathlib._local", "PurePosixPath"),
        ("pathlib._local", "PureWindowsPath"),
        ("pathlib._local", "WindowsPath"),
        ("uuid", "UUID"),
    }
)


def standard_text(value: object) -> str | None:
    """The text of a date, UUID, decimal or path of the standard library; None for anything else."""
    kind = type(value)
    if (kind.__module__, kind.__qualname__) in _TEXT_CLASSES:
        return str(value)
    return None


def description(value: object) -> str:
    """Type and, where it costs nothing, size: `<bytes: 212272 bytes>`, `<PngImageFile: 512x512>`.

    Runs no code of the value but properties that its class declares (`nbytes`, `size`, `shape`): no `repr`,
    no `__getattr__`, no reading, no iterating.
    """
    kind = type(value)
    try:
        size = _size(value, kind)
    except Exception:  # noqa: BLE001 - a hostile property must not hurt the host
        size = None
    name = str(kind.__name__)[:100]
    return f"<{name}: {size}>" if size else f"<{name}>"


def _size(value: object, kind: type) -> str | None:
    if isinstance(value, (bytes, bytearray)):
        return f"{memoryview(value).nbytes} bytes"
    if kind.__name__ == "BytesIO":
        with value.getbuffer() as buffer:  # type: ignore[attr-defined]
            return f"{buffer.nbytes} bytes"
    if hasattr(kind, "getbands") and hasattr(kind, "size"):
        width, height = value.size  # type: ignore[attr-defined]
        return f"{int(width)}x{int(height)}"
    if hasattr(kind, "nbytes"):
        size_bytes = value.nbytes  # type: ignore[attr-defined]
        shape = getattr(value, "shape", None) if hasattr(kind, "shape") else None
        sides = (
            "x".join(str(int(side)) for side in shape[:8]) + ", "
            if isinstance(shape, tuple) and shape
            else ""
        )
        return f"{sides}{int(size_bytes)} bytes"
    return None
