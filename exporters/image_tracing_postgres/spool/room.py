"""How much room the spool has: its own limit, and what must stay free on its disk."""

import os
import shutil
from pathlib import Path
from typing import Final

LIMIT_BYTES: Final = 512 * 1024 * 1024
# Of a large disk so much is always enough for others.
_FREE_SHARE: Final = 0.05
_FREE_BYTES: Final = 1024 * 1024 * 1024
# From here on new records lose their texts.
_LOW_SHARE: Final = 0.9


class Room:
    """The room of a spool's folder: all processes at the last look, and what was written since."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._folder = folder
        self._free_bytes = limit_bytes
        self._low_bytes = 0
        self._looked_at_bytes = 0

    @property
    def is_low(self) -> bool:
        """Whether texts have to be given up."""
        return self.used_bytes > _LOW_SHARE * self.limit_bytes or self._left_on_disk < self._low_bytes

    @property
    def is_full(self) -> bool:
        """Whether only what must never be lost is taken."""
        return self.used_bytes >= self.limit_bytes or self._left_on_disk <= 0

    @property
    def _left_on_disk(self) -> int:
        return self._free_bytes - (self.used_bytes - self._looked_at_bytes)

    def look(self) -> None:
        """Measure anew. Never raises."""
        used = used_bytes(self._folder)
        try:
            disk = shutil.disk_usage(self._folder)
        except OSError:
            self._free_bytes = self.limit_bytes
        else:
            self._free_bytes = disk.free - min(int(_FREE_SHARE * disk.total), _FREE_BYTES)
            # A share of whichever is smaller: a small disk would be low from the start.
            self._low_bytes = int((1 - _LOW_SHARE) * min(self.limit_bytes, disk.total))
        self.used_bytes = self._looked_at_bytes = used


def used_bytes(folder: Path) -> int:
    """The size of all files of a spool; 0 if there is no such folder."""
    total = 0
    try:
        for entry in os.scandir(folder):
            try:
                total += (
                    used_bytes(Path(entry.path))
                    if entry.is_dir(follow_symlinks=False)
                    else entry.stat().st_size
                )
            except OSError:
                continue
    except OSError:
        return total
    return total
