from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import BadInput, CatalogError
from catalog.store import open_catalog
from cloud.client import CloudClient
from cloud.endpoint import parse_endpoint
from engine.offload import OffloadRequest, Question
from mcdnn.commands import serve
from mcdnn.wiring import backends_to_serve
from tests.catalog_builder import build_catalog

STEP_LIMIT_S = 60.0


@pytest.fixture(scope="module")
def small_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalog(tmp_path_factory.mktemp("catalog"))


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    serve.add_parser(parser.add_subparsers())
    return parser.parse_args(["serve", *argv])


@pytest.fixture
def process(small_catalog: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mcdnn", "serve", str(small_catalog), "--listen", "127.0.0.1:0"]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield started
    started.kill()
    started.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_says_where_it_is_answers_and_ends_cleanly(
    process: subprocess.Popen[str], small_catalog: Path, number: int
) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith(f"mcdnn serve: 6 variants of {small_catalog} at 127.0.0.1:")
    windows = tuple(np.zeros((1, 16, 16, 3), np.uint8))
    asked = OffloadRequest("r1", (Question("who", "wide/identity"),), windows, STEP_LIMIT_S)
    with CloudClient(parse_endpoint(line.split()[-1], "ready line")) as client:
        assert len(client.classify(asked).answers) == 1
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=STEP_LIMIT_S)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("nowhere",), r"nowhere: not a catalog"),
        (("nowhere", "--listen", "8080"), r"--listen '8080': expected HOST:PORT"),
        (("nowhere", "--listen", "0.0.0.0:0"), r"--listen 0\.0\.0\.0:0: .*--insecure"),
        (("nowhere", "--memory-mb", "0"), r"--memory-mb 0\.0: expected a positive number"),
        (("nowhere", "--tls-key", "k.pem"), r"--tls-certificate and --tls-key: expected both or neither"),
        (("nowhere", "--client-ca", "c.pem"), r"--client-ca: expected --tls-certificate and --tls-key"),
        (("nowhere", "--token-file", "none"), r"--token-file none: No such file"),
        (("nowhere", "--metrics", "9090"), r"--metrics '9090': expected HOST:PORT"),
        (("nowhere", "--drain-seconds", "-1"), r"--drain-seconds -1\.0: expected 0 or a positive"),
        (("nowhere", "--memory-mb", "nan"), r"--memory-mb nan"),
        (("nowhere", "--threads", "0"), r"--threads 0: expected at least 1"),
    ],
)
def test_bad_input_is_told_before_anything_listens(argv: tuple[str, ...], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        serve.run(parsed(*argv))


def test_parts_are_run_by_what_was_picked_on_the_device_that_is_named(small_catalog: Path) -> None:
    catalog = open_catalog(small_catalog)
    assert backends_to_serve(catalog, "host", 1).name == "picked"
    assert backends_to_serve(catalog, None, 1).name == "picked"
    with pytest.raises(CatalogError, match=r"profiles/attic\.json: missing"):
        backends_to_serve(catalog, "attic", 1)


def test_a_catalog_that_was_never_measured_is_served_by_the_default_backend(tmp_path: Path) -> None:
    root = build_catalog(tmp_path / "catalog")
    (root / "profiles" / "host.json").unlink()
    assert backends_to_serve(open_catalog(root), None, 1).name == "onnxruntime"
