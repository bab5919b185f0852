"""What is answered at which address."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from cloud.tokens import Tokens
from mcdnn.web.gate import Gate
from mcdnn.web.login import Login
from mcdnn.web.pictures import MJPEG_TYPE, Pictures
from mcdnn.web.topics import EVENTS_TYPE, Topics
from mcdnn.web.watched_run import WatchedRun

STATIC = Path(__file__).with_name("static")

_MOST_VIEWERS = 12
_MOST_LISTENERS = 24
_COME_AGAIN = {"Retry-After": "5"}
_LOG_OUT = "<form action=logout method=post><button>Log out</button></form>"
_LIVE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the latter for nginx


class Page:
    """The handlers of one run's page.

    Args:
        run: that is watched.
        pictures: of its sources.
        topics: that are told of it.
        registry: its metrics.
        has_login: whether there is something to log out of.
    """

    def __init__(
        self,
        run: WatchedRun,
        pictures: Pictures,
        topics: Topics,
        registry: CollectorRegistry,
        has_login: bool,
    ) -> None:
        self._run = run
        self._pictures = pictures
        self._topics = topics
        self._registry = registry
        account = _LOG_OUT if has_login else ""
        self._html = (STATIC / "index.html").read_text(encoding="utf-8").replace("<!-- account -->", account)

    def routes(self) -> list[Route]:
        """Return what may be asked for."""
        return [
            Route("/", self._page),
            Route("/events", self._events),
            Route("/stream/{source:path}.mjpg", self._stream),
            Route("/snapshot/{source:path}.jpg", self._snapshot),
            Route("/api/state", self._state),
            Route("/healthz", self._health),
            Route("/metrics", self._metrics),
        ]

    async def _page(self, request: Request) -> Response:
        if request.query_params:  # a token in the address of somebody who is let in already
            return RedirectResponse("./", 303)
        return HTMLResponse(self._html, headers={"Cache-Control": "no-cache"})

    async def _events(self, _request: Request) -> Response:
        if self._topics.listeners >= _MOST_LISTENERS:
            return _too_many("listen")
        return _stream(self._topics.listen(), EVENTS_TYPE)

    async def _stream(self, request: Request) -> Response:
        source = request.path_params["source"]
        if source not in self._run.sources:
            return self._unknown(source)
        if self._pictures.viewers >= _MOST_VIEWERS:
            return _too_many("watch")
        return _stream(self._pictures.stream(source), MJPEG_TYPE)

    async def _snapshot(self, request: Request) -> Response:
        source = request.path_params["source"]
        if source not in self._run.sources:
            return self._unknown(source)
        picture = await self._pictures.newer(source)
        if picture is None:
            return PlainTextResponse(f"{source} has shown nothing yet\n", 503, _COME_AGAIN)
        return Response(picture.jpeg, media_type="image/jpeg", headers=_LIVE)

    async def _state(self, _request: Request) -> Response:
        return Response(self._topics.now(), media_type="application/json", headers=_LIVE)

    async def _health(self, _request: Request) -> Response:
        health = self._run.health()
        told = {"status": health.status, "wrong": list(health.wrong)}
        return JSONResponse(told, 200 if health.is_well else 503, _LIVE)

    async def _metrics(self, _request: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    def _unknown(self, source: str) -> Response:
        known = ", ".join(self._run.sources)
        return PlainTextResponse(f"no source {source!r}: there are {known}\n", 404)


def make_app(
    run: WatchedRun,
    pictures: Pictures,
    topics: Topics,
    registry: CollectorRegistry,
    tokens: Tokens | None,
) -> ASGIApp:
    """Return the whole, behind its gate."""
    page = Page(run, pictures, topics, registry, tokens is not None)
    login = Login(tokens, STATIC / "login.html")
    static = Mount("/static", StaticFiles(directory=STATIC))
    return Gate(Starlette(routes=[*page.routes(), *login.routes(), static]), tokens, login.ask)


def _stream(chunks: AsyncGenerator[bytes, None], media_type: str) -> Response:
    return StreamingResponse(chunks, headers={**_LIVE, "Content-Type": media_type})


def _too_many(verb: str) -> Response:
    return PlainTextResponse(f"as many {verb} already as may\n", 503, _COME_AGAIN)
