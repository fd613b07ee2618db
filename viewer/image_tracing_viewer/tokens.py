"""The tokens: what shows that a request may read and change, or send spans, and how a browser logs in."""

import hashlib
import hmac
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from starlette.endpoints import HTTPEndpoint
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from image_tracing_viewer import pages
from image_tracing_viewer.errors import RequestError, is_page, local_path

LOGIN_PATH: Final = "/login"
_OPEN_PREFIXES: Final = ("/static/",)
_OPEN_PATHS: Final = frozenset({LOGIN_PATH, "/healthz"})
_FORM: Final = "application/x-www-form-urlencoded"


class Access:
    """Grants requests that hold the token: as `Authorization: Bearer`, or as the cookie that a login sets.

    The cookie's value is derived from the token, so that the browser does not keep the token itself, and
    changing the token ends every session.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode("utf-8")
        self._session = hmac.new(self._token, b"image-tracing viewer session", hashlib.sha256).hexdigest()
        # Cookies ignore ports: two viewers on one machine must not overwrite each other's.
        self._cookie = f"image_tracing_{hashlib.sha256(self._session.encode('ascii')).hexdigest()[:8]}"

    def is_token(self, text: str) -> bool:
        """Compares in constant time."""
        return _is_same(text, self._token)

    def granted(self, scope: Scope) -> Response | None:
        """None lets the request pass; a response leads it to the login page or to a link's clean address.

        Raises:
            RequestError: 401, the token is missing or wrong.
        """
        path = local_path(scope)
        if path in _OPEN_PATHS or path.startswith(_OPEN_PREFIXES):
            return None
        connection = HTTPConnection(scope)
        if self._is_authorized(connection):
            return None if not _has_token(scope) else _redirected(scope)
        if scope["method"] == "GET" and is_page(scope):
            if _has_token(scope):
                return self._link_answer(connection)
            if "text/html" in connection.headers.get("accept", ""):
                return RedirectResponse(_login_address(scope), 303)
        raise RequestError(
            401,
            "this viewer needs its token; send it as `Authorization: Bearer <token>`, or log in at /login",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def logged_in(self, connection: HTTPConnection, address: str) -> Response:
        """The redirect after a login, with the cookie."""
        response = RedirectResponse(address, 303)
        response.set_cookie(
            self._cookie,
            self._session,
            path=connection.scope.get("root_path", "") or "/",
            secure=connection.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _is_authorized(self, connection: HTTPConnection) -> bool:
        bearer = _bearer(connection)
        if bearer is not None:
            return self.is_token(bearer)
        cookie = connection.cookies.get(self._cookie, "")
        return hmac.compare_digest(cookie.encode("utf-8", "surrogatepass"), self._session.encode("ascii"))

    def _link_answer(self, connection: HTTPConnection) -> Response:
        tokens = [value for name, value in _pairs(connection.scope) if name == "token"]
        if len(tokens) == 1 and self.is_token(tokens[0]):
            return self.logged_in(connection, _clean_address(connection.scope))
        raise RequestError(
            401, "the token in this address is wrong; copy the address that the viewer printed at its start"
        )


class IngestAccess:
    """Grants requests that hold the token of senders, as `Authorization: Bearer`, and no others."""

    def __init__(self, token: str) -> None:
        self._token = token.encode("utf-8")

    def granted(self, scope: Scope) -> None:
        """Lets the request pass.

        Raises:
            RequestError: 401, the token is missing or wrong.
        """
        bearer = _bearer(HTTPConnection(scope))
        if bearer is None or not _is_same(bearer, self._token):
            raise RequestError(
                401,
                "sending spans needs the viewer's ingest token; send it as `Authorization: Bearer <token>`",
                headers={"WWW-Authenticate": "Bearer"},
            )


class Login(HTTPEndpoint):
    """The page that asks a person for the token."""

    def get(self, request: Request) -> Response:
        """The form."""
        address = _local_address(request, request.query_params.get("next"))
        return pages.login_page(request, next_address=address)

    async def post(self, request: Request) -> Response:
        """Takes the form: sets the cookie and goes on to the page that was wanted.

        Raises:
            RequestError: 415, the body is no form; 400, it is no UTF-8.
        """
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            raise RequestError(415, f"the login takes a form; send the token as {_FORM}")
        try:
            body = (await request.body()).decode("utf-8")
            fields = dict(parse_qsl(body, errors="strict", max_num_fields=10))
        except ValueError:
            raise RequestError(400, "the login form must be UTF-8 with the fields token and next") from None
        access: Access = request.app.state.access
        address = _local_address(request, fields.get("next"))
        if access.is_token(fields.get("token", "")):
            return access.logged_in(request, address)
        message = "That is not the token."
        return pages.login_page(request, next_address=address, message=message, status_code=401)


def _pairs(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _has_token(scope: Scope) -> bool:
    return is_page(scope) and b"token" in scope.get("query_string", b"") and "token" in dict(_pairs(scope))


def _redirected(scope: Scope) -> Response:
    return RedirectResponse(_clean_address(scope), 303)


def _clean_address(scope: Scope) -> str:
    """Path and query of the request without the token; never the `//` that would mean another host."""
    query = urlencode([(name, value) for name, value in _pairs(scope) if name != "token"])
    path = "/" + quote(scope["path"].lstrip("/\\"), safe="/")
    return f"{path}?{query}" if query else path


def _login_address(scope: Scope) -> str:
    return f"{scope.get('root_path', '')}{LOGIN_PATH}?{urlencode({'next': _clean_address(scope)})}"


def _local_address(request: Request, address: str | None) -> str:
    """The address if it stays in this viewer, else its list."""
    root = request.scope.get("root_path", "")
    if (
        address
        and address.startswith(root + "/")
        and not address.startswith(("//", "/\\"))
        and address.isprintable()
        and "\\" not in address
    ):
        return address
    return request.url_for("traces").path


def _is_same(text: str, token: bytes) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(text.encode("utf-8", "surrogatepass"), token)


def _bearer(connection: HTTPConnection) -> str | None:
    """The token of the Authorization header; None if there is none of this kind, or more than one header."""
    values = connection.headers.getlist("authorization")
    if len(values) != 1:
        return None
    scheme, _, credentials = values[0].partition(" ")
    return _utf8(credentials.strip()) if scheme.lower() == "bearer" else None


def _utf8(header: str) -> str:
    """Header values arrive decoded as Latin-1; tokens are UTF-8."""
    return header.encode("latin-1").decode("utf-8", "replace")
