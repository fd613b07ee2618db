"""The records that the spool's disk would not take, bounded in number and size."""

from collections import deque
from typing import Final

from image_tracing_postgres.spool.payloads import is_failed_root, is_of_ended

RECORDS: Final = 2_048
LIMIT_BYTES: Final = 32 * 1024 * 1024


class Memory:
    """Records by age, the ends of failed generations apart: when full the oldest goes, these last.

    Not thread-safe: the spool's lock is around it.
    """

    def __init__(self) -> None:
        self._failed: deque[bytes] = deque()
        self._others: deque[bytes] = deque()
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._failed) + len(self._others)

    def add(self, payload: bytes) -> int:
        """Keep a record; how many ended spans were lost for that."""
        (self._failed if is_failed_root(payload) else self._others).append(payload)
        self._size_bytes += len(payload)
        return self._bounded()

    def take(self, *, records: int, limit_bytes: int) -> list[bytes]:
        """Some records, no longer kept here; oldest first, failed generations before the others."""
        taken: list[bytes] = []
        size_bytes = 0
        while len(self) and len(taken) < records and size_bytes < limit_bytes:
            payload = (self._failed or self._others).popleft()
            size_bytes += len(payload)
            taken.append(payload)
        self._size_bytes -= size_bytes
        return taken

    def give_back(self, payloads: list[bytes]) -> int:
        """Keep what was taken and found no other place; how many ended spans were lost for that."""
        for payload in reversed(payloads):
            (self._failed if is_failed_root(payload) else self._others).appendleft(payload)
            self._size_bytes += len(payload)
        return self._bounded()

    def clear(self) -> int:
        """Forget all; how many ended spans that were."""
        number = sum(map(is_of_ended, self.take(records=len(self), limit_bytes=self._size_bytes + 1)))
        self._size_bytes = 0
        return number

    def _bounded(self) -> int:
        lost = 0
        while len(self) > RECORDS or self._size_bytes > LIMIT_BYTES:
            payload = (self._others or self._failed).popleft()
            self._size_bytes -= len(payload)
            lost += is_of_ended(payload)
        return lost
