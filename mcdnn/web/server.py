"""The server of the page, in a thread of its own beside the engine."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import uvicorn

from cloud.endpoint import Endpoint
from cloud.tokens import Tokens
from mcdnn.run_metrics import RunMetrics
from mcdnn.web.address import check_exposure, listening_socket
from mcdnn.web.app import make_app
from mcdnn.web.connections import BoundedProtocol
from mcdnn.web.pictures import Pictures
from mcdnn.web.topics import Topics
from mcdnn.web.watched_run import Followed, WatchedRun

_LOOK_EVERY_S = 1.0
_DRAIN_S = 2


class PageServer:
    """Answers browsers about one run, until it is closed.

    Args:
        run: that is watched.
        listen: where; port 0 for any free one.
        tokens: None where none is asked for.

    Raises:
        BadInput: the address cannot be had, or others can reach it and no token is asked for.
    """

    def __init__(self, run: WatchedRun, listen: Endpoint, tokens: Tokens | None = None) -> None:
        check_exposure(listen, tokens is not None)
        self._socket = listening_socket(listen)
        self.at = Endpoint(listen.host, self._socket.getsockname()[1])
        self.pictures = Pictures(run.board)
        self.topics = Topics(run.topics())
        self._run = run
        self._metrics = RunMetrics()
        app = make_app(run, self.pictures, self.topics, self._metrics.registry, tokens)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_DRAIN_S,
            )
        )
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="mcdnn-web", daemon=True)
        self._thread.start()

    def follow(self, summary: Followed) -> None:
        """Tell of a run from now on."""
        self._run.follow(summary)
        self._metrics.follow(summary)

    def close(self) -> None:
        """Tell who looks that the run is over, and end."""
        self._ending.set()
        self._thread.join()
        self.pictures.close()
        self._socket.close()

    def _serve(self) -> None:
        asyncio.run(self._answer_and_look())

    async def _answer_and_look(self) -> None:
        looking = asyncio.create_task(self._look())
        ending = asyncio.create_task(self._end())
        await self._server.serve(sockets=[self._socket])
        for task in (looking, ending):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _look(self) -> None:
        while True:
            self._run.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _end(self) -> None:
        await asyncio.to_thread(self._ending.wait)
        self._run.look()
        self.topics.end()
        self.pictures.end()
        self._server.should_exit = True
