"""Results as JSON lines: one result a line, flushed frame by frame, so that a kill loses little."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catalog.errors import BadInput
from engine.errors import SinkError
from engine.frames import Frame
from engine.results import Result
from engine.sinks.result_lines import result_to_line


class JsonLinesSink:
    """Writes results to a file, which is replaced where it exists.

    Raises:
        BadInput: the file cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8")
        except OSError as e:
            raise BadInput(f"results file {path}: cannot be created: {e.strerror or e}") from e

    def __str__(self) -> str:
        return f"results file {self._path}"

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:  # noqa: ARG002 - the lines say it all
        """Write one line a result.

        Raises:
            SinkError: the disk is full.
        """
        if not results:
            return
        try:
            self._file.write("".join(f"{result_to_line(r)}\n" for r in results))
            self._file.flush()
        except OSError as e:
            raise SinkError(f"{self}: cannot be written: {e.strerror or e}") from e

    def close(self) -> None:
        """Close the file.

        Raises:
            SinkError: the disk is full.
        """
        try:
            self._file.close()
        except OSError as e:
            raise SinkError(f"{self}: cannot be written: {e.strerror or e}") from e
