"""Records whose statement ran out of its time: a busy server, or a poison in disguise."""

from typing import Final

# A record that has failed alone so often, while others passed, is the one to blame.
LONE_FAILURES: Final = 20
# While nothing passes the server is to blame, and there is no end of suspects.
_SUSPECTS: Final = 64
# A payload's beginning is its kind and its ids.
_KEY_BYTES: Final = 64


class Suspects:
    """Which records are under suspicion, how often each failed alone, and what had passed by then."""

    def __init__(self) -> None:
        self._of: dict[bytes, tuple[int, int]] = {}
        self._passed = 0

    def __len__(self) -> int:
        return len(self._of)

    def __contains__(self, payload: bytes) -> bool:
        return payload[:_KEY_BYTES] in self._of

    def add(self, payload: bytes) -> None:
        """This one was alone when its statement was canceled."""
        if len(self._of) < _SUSPECTS:
            self._of.setdefault(payload[:_KEY_BYTES], (0, self._passed))

    def passed(self) -> None:
        """Others were stored."""
        self._passed += 1

    def acquit(self, payload: bytes) -> None:
        """It was stored, or has failed for another reason."""
        self._of.pop(payload[:_KEY_BYTES], None)

    def failed(self, payload: bytes) -> int | None:
        """How often it has failed alone now; None if nothing else passed since the last time."""
        failures, passed = self._of[payload[:_KEY_BYTES]]
        if passed == self._passed:
            return None
        self._of[payload[:_KEY_BYTES]] = failures + 1, self._passed
        return failures + 1
