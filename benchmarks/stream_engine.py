"""The engine on many streams, in a process of its own, for benchmarks.

    python -m benchmarks.stream_engine CONFIG.json ANSWERS.jsonl

Runs ENGINE.toml's tables, given as JSON, until SIGTERM, and writes a line for every frame that is answered:
source, number of the frame, when (monotonic clock), and by app which variant answered. At the end
CONFIG.summary.json tells what was counted.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

from engine.frames import Frame
from engine.results import Result
from mcdnn.engine import Engine


class AnswerLines:
    """A sink that writes a line a frame."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        """Write when the last answer of a frame was there; see Sink."""
        answers = {r.app: r.variant for r in results}
        line = [frame.source, frame.index, time.monotonic(), answers]
        self._out.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """See Sink."""
        self._out.close()


def main() -> None:
    """Run until told to stop."""
    config, answers = map(Path, sys.argv[1:])
    engine = Engine(json.loads(config.read_text()))
    engine.add_sink(AnswerLines(answers.open("w")))
    signal.signal(signal.SIGTERM, lambda *_: engine.stop())
    end = engine.run()
    standing = end.standing
    counted = {
        "frames": end.frames,
        "requests": end.requests,
        "sources": [{**asdict(s), "dropped": dict(s.dropped)} for s in standing.sources],
    }
    config.with_suffix(".summary.json").write_text(json.dumps(counted, default=str))


if __name__ == "__main__":
    main()
