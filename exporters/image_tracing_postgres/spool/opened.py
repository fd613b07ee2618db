"""The generations of this process that began and have not ended."""

from typing import Final

from image_tracing_postgres.spool.frames import framed
from image_tracing_postgres.spool.payloads import stripped

RECORDS: Final = 10_000
LIMIT_BYTES: Final = 4 * 1024 * 1024
# Beyond this a start is kept without its texts.
_LONG_BYTES: Final = 64 * 1024


class Opened:
    """Their started records, bounded in number and size: the oldest is forgotten first.

    Not thread-safe: the spool's lock is around it.
    """

    def __init__(self) -> None:
        self._records: dict[str, bytes] = {}
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._records)

    def begin(self, key: str, payload: bytes) -> None:
        """A generation has begun."""
        self.end(key)
        if len(payload) > LIMIT_BYTES:
            return
        record = framed(payload if len(payload) <= _LONG_BYTES else stripped(payload))
        self._records[key] = record
        self._size_bytes += len(record)
        while len(self._records) > RECORDS or self._size_bytes > LIMIT_BYTES:
            self.end(next(iter(self._records)))

    def end(self, key: str) -> None:
        """A generation has ended; any other key is no error."""
        record = self._records.pop(key, None)
        if record is not None:
            self._size_bytes -= len(record)

    def records(self) -> bytes:
        """All of them as they lie in a segment."""
        return b"".join(self._records.values())
