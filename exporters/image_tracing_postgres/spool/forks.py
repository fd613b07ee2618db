"""What has to happen around a fork, told by objects that may be gone by then."""

import os
import weakref
from typing import Final, Protocol

_HAS_FORK: Final = hasattr(os, "register_at_fork")


class Forked(Protocol):
    """Something that two processes must not share."""

    def before_fork(self) -> None:
        """Come to a state in which a child can begin: locks are held by the forking thread."""

    def after_fork(self) -> None:
        """Go on in the parent."""

    def in_child(self) -> None:
        """Begin anew: locks may be held by threads that do not exist here."""


def follow_forks(one: Forked) -> None:
    """Tell `one` of each fork of this process as long as it lives."""
    # Weak, since hooks cannot be taken back.
    reference = weakref.ref(one)

    def before() -> None:
        if (known := reference()) is not None:
            known.before_fork()

    def in_parent() -> None:
        if (known := reference()) is not None:
            known.after_fork()

    def in_child() -> None:
        if (known := reference()) is not None:
            known.in_child()

    if _HAS_FORK:
        os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)
