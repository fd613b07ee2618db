"""The guard in front of every route: host, origin, token, body size, and the headers of every answer."""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from image_tracing_viewer.errors import RequestError, error_answer, local_path, printable
from image_tracing_viewer.hosts import AllowedHosts, is_loopback
from image_tracing_viewer.otlp import INGEST_PATH
from image_tracing_viewer.otlp.limits import SENT_MAX_BYTES
from image_tracing_viewer.tokens import Access, IngestAccess

BODY_MAX_BYTES: Final = 65_536
_BODY_MAX_BYTES: Final[Mapping[str, int]] = {INGEST_PATH: SENT_MAX_BYTES}

_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Final = (
    (b"content-security-policy", _CONTENT_SECURITY_POLICY.encode("ascii")),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_STORE: Final = (b"cache-control", b"no-store")
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_DIGITS = re.compile(rb"[0-9]{1,18}")


class Guard:
    """ASGI middleware that lets only requests through that this viewer should answer.

    Refused: a foreign Host (421), a state change that another site's page may have caused (403), a missing
    or wrong token if one is set (401), a body that is too large for its path (413), a query that is no UTF-8
    (400). `ingest_access` is asked instead of `access` where spans are sent to.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: AllowedHosts,
        access: Access | None,
        ingest_access: IngestAccess | None = None,
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._access = access
        self._ingest_access = access if ingest_access is None else ingest_access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Below a Mount these two still mean the outer app; links by route name must find ours.
        scope = {**scope, "router": scope["app"].router, "app_root_path": scope.get("root_path", "")}

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _guarded_headers(message.get("headers", ()))}
            await send(message)

        headers = _Headers(scope)
        path = local_path(scope)
        access = self._ingest_access if path == INGEST_PATH else self._access
        body_max_bytes = _BODY_MAX_BYTES.get(path, BODY_MAX_BYTES)
        try:
            self._check_host(headers)
            _check_query_string(scope)
            _check_origin(scope, headers, has_token=access is not None)
            _check_body(headers, body_max_bytes)
            granted = access.granted(scope) if access else None
        except RequestError as error:
            answer = error_answer(
                HTTPConnection(scope), error.status_code, error.detail, code=error.code, headers=error.headers
            )
            await answer(scope, receive, guarded_send)
            return
        if granted is not None:
            await granted(scope, receive, guarded_send)
            return
        await self._app(scope, _limited(receive, body_max_bytes), guarded_send)

    def _check_host(self, headers: "_Headers") -> None:
        hosts = headers.all(b"host")
        if len(hosts) != 1 or not self._hosts.allows(hosts[0]):
            found = " and ".join(printable(host, most=100) for host in hosts) or "none"
            raise RequestError(
                421,
                f"the Host header must name this viewer; found {found}; use 127.0.0.1 or localhost, "
                "or start the viewer with that name allowed",
            )


class _Headers:
    def __init__(self, scope: Scope) -> None:
        self._raw = scope["headers"]

    def all(self, name: bytes) -> list[str]:
        return [value.decode("latin-1") for key, value in self._raw if key == name]


def _check_origin(scope: Scope, headers: _Headers, *, has_token: bool) -> None:
    """A browser says which site a request is from; a program must be local or hold the token."""
    if scope["method"] in _SAFE_METHODS:
        return
    sites, origins = headers.all(b"sec-fetch-site"), headers.all(b"origin")
    if sites:
        is_ours = sites in (["same-origin"], ["none"])
    elif origins:
        is_ours = len(origins) == 1 and origins[0].partition("://")[2] == headers.all(b"host")[0]
    else:
        client = scope.get("client")
        is_ours = has_token or client is None or is_loopback(client[0])
    if not is_ours:
        raise RequestError(
            403,
            "a change must come from the viewer's own pages (Sec-Fetch-Site: same-origin, or an Origin "
            "equal to the Host), or from a program on this machine or with a token",
            code="cross_site_request",
        )


def _check_body(headers: _Headers, max_bytes: int) -> None:
    lengths = headers.all(b"content-length")
    if not lengths:
        return
    if len(lengths) > 1 or not _DIGITS.fullmatch(lengths[0].encode("latin-1")):
        raise RequestError(400, "Content-Length must be one whole number")
    if int(lengths[0]) > max_bytes:
        raise _too_large(max_bytes)


def _limited(receive: Receive, max_bytes: int) -> Receive:
    received = 0

    async def limited_receive() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > max_bytes:
            raise _too_large(max_bytes)
        return message

    return limited_receive


def _too_large(max_bytes: int) -> RequestError:
    return RequestError(
        413, f"the body is larger than {max_bytes} bytes; send less", headers={"Connection": "close"}
    )


def _check_query_string(scope: Scope) -> None:
    query: bytes = scope.get("query_string", b"")
    if b"%" not in query and query.isascii():
        return
    try:
        unquote_to_bytes(query).decode("utf-8")
    except UnicodeDecodeError:
        raise RequestError(
            400,
            "the query string must be UTF-8, percent-encoded; found other bytes",
            code="invalid_parameter",
        ) from None


def _guarded_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    names = {name for name, _ in given}
    added = [pair for pair in SECURITY_HEADERS if pair[0] not in names]
    if b"cache-control" not in names:
        added.append(_NO_STORE)
    return given + added
