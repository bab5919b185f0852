"""How a person shows a token: by a form, or by an address that is used once."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from cloud.tokens import Tokens
from mcdnn.web.gate import COOKIE, Cookies

_MOST_FORM_BYTES = 4096
_WRONG = "<p class=wrong role=alert>This token is not known here.</p>"
_LET_IN = (
    "<!doctype html><html lang=en><title>mcdnn</title><meta http-equiv=refresh content='0; url=./'>"
    "<p>Logged in. <a href='./'>Go on</a></p>"
)


class Login:
    """Exchanges tokens for cookies.

    Args:
        tokens: None where none is asked for; nobody is let in by this then, since nobody is kept out.
        form: the page with the form, which has a place for what was wrong.
    """

    def __init__(self, tokens: Tokens | None, form: Path) -> None:
        self._tokens = tokens
        self._cookies = None if tokens is None else Cookies(tokens)
        self._form = form.read_text(encoding="utf-8")

    def ask(self, request: Request) -> Response:
        """Answer a browser that is not let in; the token in its address is taken, and leaves it."""
        token = request.query_params.get("token")
        return self._page(wrong=False) if token is None else self._exchange(token, request)

    def routes(self) -> list[Route]:
        """Return what the form and the button send to."""
        return [
            Route("/login", self._log_in, methods=["POST"]),
            Route("/logout", self._log_out, methods=["POST"]),
        ]

    async def _log_in(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_FORM_BYTES:
                return Response(status_code=413)
        given = parse_qs(body.decode(errors="replace")).get("token", [""])[0]
        return self._exchange(given.strip(), request)

    async def _log_out(self, _request: Request) -> Response:
        response = RedirectResponse("./", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    def _exchange(self, token: str, request: Request) -> Response:
        """Let in who shows a token that is known.

        The browser is sent on by the page, not by the status: a browser that came here from another
        site would not show the cookie on a redirection.
        """
        if self._tokens is None or self._cookies is None or self._tokens.name_of(token) is None:
            return self._page(wrong=True)
        response = HTMLResponse(_LET_IN)
        self._cookies.put(response, token, encrypted=request.url.scheme == "https")
        return response

    def _page(self, wrong: bool) -> Response:
        return HTMLResponse(self._form.replace("<!-- wrong -->", _WRONG if wrong else ""), 401)
