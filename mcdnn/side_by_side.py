"""The demonstration's runs: several engines that watch the same camera at the same time.

One after the other they would not compare: a machine whose pace moves between two runs, because it
heats up or has other work, gives each of them another energy for the same models.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.snapshot import Snapshot
from mcdnn.kept_run import kept_run
from mcdnn.pictures import RunToDraw


class SideBySide:
    """Runs engines in processes of their own, all at once.

    Args:
        pool: with a process for each of them.
    """

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def rehearse(self, config: Mapping[str, Any], camera: str, count: int) -> list[Snapshot]:
        """Run as many engines of one configuration, and leave nothing."""
        return _all([self._pool.submit(_rehearsed, config, camera) for _ in range(count)])

    def run(
        self, configs: Mapping[str, Mapping[str, Any]], camera: str, out: Path
    ) -> dict[str, tuple[Snapshot, RunToDraw]]:
        """Run one engine a configuration; each leaves results, an annotated video and a summary by its name.

        Raises:
            BadInput: a folder that cannot be written.
        """
        runs = [self._pool.submit(_ran, name, config, camera, out) for name, config in configs.items()]
        return dict(zip(configs, _all(runs), strict=True))


@contextmanager
def side_by_side(count: int) -> Iterator[SideBySide]:
    """Have processes for so many engines meanwhile."""
    context = multiprocessing.get_context("spawn")  # threads of the parent do not survive a fork
    pool = ProcessPoolExecutor(count, mp_context=context)
    try:
        yield SideBySide(pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _all(futures: Sequence[Future[Any]]) -> list[Any]:
    return [f.result() for f in futures]


def _rehearsed(config: Mapping[str, Any], camera: str) -> Snapshot:
    from mcdnn.engine import Engine

    return Engine(config).run(camera)


def _ran(name: str, config: Mapping[str, Any], camera: str, out: Path) -> tuple[Snapshot, RunToDraw]:
    from mcdnn.engine import Engine

    engine = Engine(config)
    return kept_run(engine, name, out, lambda: engine.run(camera))
