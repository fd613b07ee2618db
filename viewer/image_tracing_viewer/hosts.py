"""Which hosts the viewer may be bound to, and which it answers for."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from image_tracing.errors import ImageTracingError

_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.IGNORECASE)


class UnsafeHostError(ImageTracingError, ValueError):
    """The viewer would be open to other machines without a token."""


def checked_host(host: str, token: str | None, *, insecure: bool = False) -> str:
    """The host, if it may be bound: loopback always, anything else with a token or with `insecure` spelt out.

    Raises:
        UnsafeHostError: other machines could read and delete traces without a token.
    """
    if token or insecure or is_loopback(host):
        return host
    raise UnsafeHostError(
        f"host {host!r} would open the viewer to other machines without a token; "
        "set IMAGE_TRACING_TOKEN, or bind 127.0.0.1, or say --insecure"
    )


def is_loopback(host: str) -> bool:
    """Whether the name or address can only mean this machine."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class AllowedHosts:
    """The names that a request's Host may hold, so that no foreign name reads the viewer (DNS rebinding).

    Loopback names, the host that was bound, and `names`. Bound to every address (0.0.0.0, ::), any numeric
    address is allowed too: rebinding needs a name. `*` among the names allows all.
    """

    def __init__(self, bound: str, names: Iterable[str] = ()) -> None:
        given = {name.strip("[]").lower() for name in names}
        self._allows_all = "*" in given
        address = _address(bound)
        self._allows_addresses = bound == "" or (address is not None and address.is_unspecified)
        self._names = _LOOPBACK_NAMES | given | {bound.strip("[]").lower()}

    def allows(self, host: str) -> bool:
        """Whether the value of a Host header, with its port if any, is one of ours."""
        match = _HOST.fullmatch(host)
        if match is None or (match[2] is not None and not 0 < int(match[2]) < 65_536):
            return False
        name = match[1].strip("[]").lower()
        return (
            self._allows_all or name in self._names or (self._allows_addresses and _address(name) is not None)
        )


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None
