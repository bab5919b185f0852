"""Whether a begun catalog can be continued: a hash of all that decides what comes out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata

from catalog.compiler.request import CompileRequest
from catalog.tasks import Task
from catalog.transforms.recipe import Candidate

# Raised whenever the same request and data give other weights than before.
COMPILER_VERSION = 6

_DECIDING_PACKAGES = (
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "opencv-python-headless",
    "scipy",
    "torch",
)


def package_versions() -> dict[str, str]:
    """Return the versions of the packages whose arithmetic decides what comes out."""
    return {name: metadata.version(name) for name in _DECIDING_PACKAGES}


def fingerprint(
    request: CompileRequest,
    candidates: Sequence[Candidate],
    tasks: Sequence[Task],
    data: Mapping[str, str],
    versions: Mapping[str, str],
) -> str:
    """Return a hash over the request, the data's identity by task, the compiler and its packages.

    Where data lies, and how many processes work, is left out: neither changes what comes out.
    """
    record = {
        "compiler": COMPILER_VERSION,
        "input_types": [asdict(i) for i in request.input_types],
        "tasks": [asdict(t) for t in tasks],
        "candidates": [c.record() for c in candidates],
        "effort": asdict(request.effort),
        "trunk_weights": request.trunk_weights(),
        "mirrored_alike": sorted(request.mirrored_alike),
        "seed": request.seed,
        "data": dict(data),
        "versions": dict(versions),
    }
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
