"""The records that the spool's disk would not take, bounded in number and size."""

from collections import deque
from typing import Final

from image_tracing_postgres.spool.payloads import is_failed_root, is_of_ended

RECORDS: Final = 2_048
LIMIT_BYTES: Final = 32 * 1024 * 1024


class Memory:
    """Records by age. Not thread-safe: the spool's lock is around it.

    When full the oldest goes, the ends of failed generations last.
    """

    def __init__(self) -> None:
        self._records: deque[bytes] = deque()
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._records)

    def add(self, payload: bytes) -> int:
        """Keep a record; how many ended spans were lost for that."""
        self._records.append(payload)
        self._size_bytes += len(payload)
        return self._bounded()

    def take(self, *, records: int, limit_bytes: int) -> list[bytes]:
        """The oldest records, no longer kept here."""
        taken: list[bytes] = []
        size_bytes = 0
        while self._records and len(taken) < records and size_bytes < limit_bytes:
            payload = self._records.popleft()
            size_bytes += len(payload)
            taken.append(payload)
        self._size_bytes -= size_bytes
        return taken

    def give_back(self, payloads: list[bytes]) -> int:
        """Keep what was taken and found no other place; how many ended spans were lost for that."""
        self._records.extendleft(reversed(payloads))
        self._size_bytes += sum(map(len, payloads))
        return self._bounded()

    def clear(self) -> int:
        """Forget all; how many ended spans that were."""
        number = sum(map(is_of_ended, self._records))
        self._records.clear()
        self._size_bytes = 0
        return number

    def _bounded(self) -> int:
        lost = 0
        while len(self._records) > RECORDS or self._size_bytes > LIMIT_BYTES:
            payload = self._oldest()
            self._size_bytes -= len(payload)
            lost += is_of_ended(payload)
        return lost

    def _oldest(self) -> bytes:
        """Remove the oldest record that is not the end of a failed generation, else the oldest."""
        # Among many failures one in the way is not searched for long.
        for place in range(min(64, len(self._records))):
            payload = self._records[place]
            if not is_failed_root(payload):
                del self._records[place]
                return payload
        return self._records.popleft()
