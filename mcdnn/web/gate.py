"""Who may look: tokens, cookies in their place, and requests that another page made a browser send."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.endpoint import Endpoint
from cloud.tokens import Tokens

COOKIE = "mcdnn"
_COOKIE_LASTS_S = 30 * 86_400
_BEARER, _BASIC = "Bearer ", "Basic "
_OPEN = ("/healthz", "/login", "/static/")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Cookies:
    """Cookies that stand for a token without holding it, and that end with it.

    Args:
        tokens: whose cookies are taken.
        wall_clock: seconds since 1970.
    """

    def __init__(self, tokens: Tokens, wall_clock: Callable[[], float] = time.time) -> None:
        self._tokens = tokens
        self._wall_clock = wall_clock

    def put(self, response: Response, token: str, encrypted: bool) -> None:
        """Have a browser come back with a cookie in place of a token."""
        until = str(int(self._wall_clock()) + _COOKIE_LASTS_S)
        value = f"{until}.{self._tokens.seal(token, until)}"
        response.set_cookie(
            COOKIE, value, max_age=_COOKIE_LASTS_S, httponly=True, samesite="strict", secure=encrypted
        )

    def name_of(self, request: Request) -> str | None:
        """Return whose cookie a request carries, None for none that is valid."""
        until, _, seal = request.cookies.get(COOKIE, "").partition(".")
        if not (until.isascii() and until.isdigit()) or int(until) < self._wall_clock():
            return None
        return self._tokens.sealed_by(until, seal)


class Gate:
    """Lets requests in; what is let out carries headers that keep other pages away.

    Without tokens, only requests to this machine by its own name are let in: a name of somebody else's
    that is made to point here (DNS rebinding) is not.

    Args:
        app: behind it.
        tokens: None where none is asked for.
        ask: answers a browser that shows no token.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens | None, ask: Callable[[Request], Response]) -> None:
        self._app = app
        self._tokens = tokens
        self._cookies = None if tokens is None else Cookies(tokens)
        self._ask = ask

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that is not let in."""
        if self._tokens is None and not _names_this_machine(request):
            return PlainTextResponse("This page answers to localhost only.\n", 403)
        if _is_sent_by_another_page(request):
            return PlainTextResponse("Another page sent this request.\n", 403)
        if self._tokens is None or request.url.path.startswith(_OPEN) or self._knows(request):
            return None
        if request.url.path == "/":
            return self._ask(request)
        said = {"error": "a token is needed: Authorization: Bearer TOKEN, or log in at the page"}
        return JSONResponse(said, 401, {"WWW-Authenticate": "Bearer"})

    def _knows(self, request: Request) -> bool:
        assert self._tokens is not None and self._cookies is not None
        shown = _shown_token(request)
        if shown is not None:
            return self._tokens.name_of(shown) is not None
        return self._cookies.name_of(request) is not None


def _shown_token(request: Request) -> str | None:
    """Return the token of a header; that of Basic is the password, for programs that know no other way."""
    header = request.headers.get("authorization", "")
    if header.startswith(_BEARER):
        return header.removeprefix(_BEARER)
    if header.startswith(_BASIC):
        try:
            pair = base64.b64decode(header.removeprefix(_BASIC), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return pair.partition(":")[2]
    return None


def _names_this_machine(request: Request) -> bool:
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    return Endpoint(host, 0).loopback


def _is_sent_by_another_page(request: Request) -> bool:
    """Tell whether a page of another origin made the browser send a request, other than by a link."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        follows_a_link = request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate"
        return site not in ("same-origin", "none") and not follows_a_link
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")
