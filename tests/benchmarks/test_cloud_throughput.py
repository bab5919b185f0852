from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cloud_peer
from benchmarks.cloud_throughput import QUICK, measured
from benchmarks.cloud_throughput_report import body_lines, claim_rows
from benchmarks.cloud_trunks import Served
from benchmarks.load_generator import Exchanges
from catalog.errors import MissingExtra
from catalog.store import open_catalog
from tests.catalog_builder import build_catalog

SCALE = replace(QUICK, block_s=0.4, open_s=0.5, soak_requests=200)


def exchanges(done_s: list[float], status: list[int], took_s: float = 0.1) -> Exchanges:
    done, count = np.array(done_s), len(done_s)
    sent = done - took_s
    return Exchanges(sent, sent, done, np.array(status), np.zeros(count), np.ones(count, np.int64))


def test_every_case_is_measured_against_a_real_server(tmp_path: Path) -> None:
    catalog = open_catalog(build_catalog(tmp_path))
    first, *_, last = catalog.contents.variants
    served = Served("first", first.id), Served("last", last.id)
    tables = measured(catalog.root, *served, SCALE, with_peer=False)
    (soak,) = tables["soak"]
    assert soak["answered"] == SCALE.soak_requests
    assert soak["requests_waiting"] == soak["bytes_waiting"] == 0
    assert {r["way"] for r in tables["overhead"]} == {"unary", "stream"}
    assert {r["load_pct"] for r in tables["latency"]} == {50.0, 90.0}
    claims = claim_rows(tables)
    assert {r["claim"] for r in claims} >= {
        "throughput against the bare backend",
        "goodput at five times the peak",
    }
    assert f"| {soak['trunk']} |" in "\n".join(body_lines(claims, tables))


def test_a_rate_counts_whole_batches_of_answers_in_time() -> None:
    batches = [t for t in (1.0, 2.0, 3.0, 4.0) for _ in range(8)]
    found = exchanges(batches, [0] * 32)
    assert found.answers_per_s(1.5, 3.5) == 8.0
    assert exchanges(batches, [0, 8] * 16).answers_per_s(1.5, 3.5) == 4.0
    assert found.answers_per_s(0.0, 2.5) == 8.0
    assert found.answers_per_s(1.5, 3.5, within_s=0.05) == 0.0


@pytest.mark.skipif(find_spec("litserve") is not None, reason="LitServe is installed")
def test_where_litserve_is_missing_one_line_says_how_to_get_it() -> None:
    with pytest.raises(MissingExtra, match=r"needs litserve: pip install 'mcdnn\[peers\]'"):
        cloud_peer.check_peer()
