"""What is usually written for several apps on several cameras: every app runs its own model on every frame.

    python -m benchmarks.stream_naive CONFIG.json ANSWERS.jsonl

An OpenCV loop: read a frame, make a window of it once, run each app's network, next frame. CONFIG.json
names the streams, the catalog, each app's variant, and how it is run: "threads" of one call of onnxruntime,
and "readers": true for a thread a stream that reads and answers, false for threads that read and keep the
newest frame while one loop answers. Runs until SIGTERM; writes lines as benchmarks.stream_engine does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "analyzeduration;1000000")

import cv2
import numpy as np

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.part_chain import PartChain
from catalog.heads import HeadWeights
from catalog.preprocessing import resize
from catalog.store import open_catalog
from catalog.tasks import Resize
from engine.frames import UInt8


class AppModel(NamedTuple):
    """One app's own network."""

    chain: PartChain
    head: HeadWeights

    def answer(self, window: UInt8) -> int:
        """Return the number of the class that a window (1, S, S, 3) shows."""
        return int(np.argmax(self.chain(window) @ self.head.weight.T + self.head.bias))


def load_models(config: Mapping[str, Any]) -> dict[str, AppModel]:
    """Load every app's model, also where two have the same trunk: they do not know of each other."""
    backend = OnnxruntimeBackend(int(config["threads"]))
    catalog = open_catalog(Path(config["catalog"]))
    models = {}
    for app, name in config["variants"].items():
        variant = next(v for v in catalog.contents.variants if v.id == name)
        parts = [catalog.part_path(p) for p in catalog.trunks[variant.trunk].parts]
        models[app] = AppModel(PartChain(backend, parts), catalog.head_weights(variant.head))
    return models


class Answers:
    """Answers frames and writes lines."""

    def __init__(self, config: Mapping[str, Any], out: IO[str]) -> None:
        self._models = load_models(config)
        self._size_px = int(config["size_px"])
        self._out = out
        self._variants = config["variants"]
        self._writing = threading.Lock()

    def take(self, stream: str, number: int, bgr: UInt8) -> None:
        """Answer a frame for every app, one after the other."""
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        window = resize(rgb, self._size_px, Resize.STRETCH)[np.newaxis]
        for model in self._models.values():
            model.answer(window)
        line = json.dumps([stream, number, time.monotonic(), self._variants]) + "\n"
        with self._writing:  # a thread a stream: a text file is not safe between them
            self._out.write(line)


class Newest:
    """The newest frames of streams, each for the one who answers."""

    def __init__(self) -> None:
        self._frames: dict[str, tuple[int, UInt8]] = {}
        self._changed = threading.Condition()

    def put(self, stream: str, number: int, bgr: UInt8) -> None:
        """Take a frame in place of the one before."""
        with self._changed:
            self._frames.pop(stream, None)  # behind the others
            self._frames[stream] = (number, bgr)
            self._changed.notify()

    def get(self) -> tuple[str, int, UInt8] | None:
        """Return the frame that waits longest; None where none comes for a while."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._frames), 0.1):
                return None
            stream = next(iter(self._frames))
            return stream, *self._frames.pop(stream)


def read_stream(
    stream: str, url: str, take: Callable[[str, int, UInt8], None], stop: threading.Event
) -> None:
    """Read a stream by OpenCV and hand on its frames."""
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, (cv2.CAP_PROP_N_THREADS, 1))
    number = 0
    while not stop.is_set():
        ok, bgr = capture.read()
        if not ok:
            return
        take(stream, number, np.asarray(bgr, np.uint8))
        number += 1
    capture.release()


def main() -> None:
    """Run until told to stop."""
    config = json.loads(Path(sys.argv[1]).read_text())
    cv2.setNumThreads(int(config["threads"]))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with Path(sys.argv[2]).open("w") as out:
        answers, newest = Answers(config, out), Newest()
        take = answers.take if config["readers"] else newest.put
        threads = [
            threading.Thread(target=read_stream, args=(name, url, take, stop), daemon=True)
            for name, url in config["streams"].items()
        ]
        for thread in threads:
            thread.start()
        while not stop.is_set():
            waiting = newest.get()
            if waiting is not None:
                answers.take(*waiting)
        for thread in threads:
            thread.join(5.0)


if __name__ == "__main__":
    main()
