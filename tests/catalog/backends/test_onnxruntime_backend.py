"""What onnxruntime does beside running parts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.catalog.graphs import pixels_part, save

_RUN_A_PART = """
import sys
from pathlib import Path
from catalog.backends.table import open_backend
open_backend("onnxruntime").load(Path(sys.argv[1]))
"""


def test_nothing_of_the_user_is_collected(tmp_path: Path) -> None:
    part = save(pixels_part(), tmp_path / "part.onnx")
    home = tmp_path / "home"
    home.mkdir()
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")}
    command = [sys.executable, "-c", _RUN_A_PART, str(part)]
    subprocess.run(command, env={**kept, "HOME": str(home)}, check=True)
    assert list(home.rglob("*")) == []
