"""A piece of a file that is being made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes, and how many rows came with them."""

    content: bytes
    rows: int = 0
