"""A catalog fetched from a real server: whole, in parts, and again after a change."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.backends.table import open_backend
from catalog.errors import BadInput, RunFailed
from catalog.store import Catalog, contents_to_bytes, open_catalog
from cloud.catalog_fetching import Fetched, fetch_catalog
from cloud.client import CloudClient
from cloud.errors import CloudIncompatible, CloudUnreachable
from cloud.hosting import HostedCatalog
from cloud.limits import Limits
from cloud.messages import CatalogListing
from mcdnn.cli import main
from tests.cloud.loopback import STEP_LIMIT_S, Loopback, loopback


class Flaky:
    """Loses the connection before so many of its fetches."""

    def __init__(self, client: CloudClient, losses: int) -> None:
        self.client, self.losses, self.pauses_s = client, losses, []

    def list_catalog(self, timeout_s: float) -> CatalogListing:
        return self.client.list_catalog(timeout_s)

    def fetch_piece(self, piece: str, path: Path, most_bytes: int, timeout_s: float) -> None:
        if self.losses:
            self.losses -= 1
            raise CloudUnreachable("cut")
        self.client.fetch_piece(piece, path, most_bytes, timeout_s)


def stored(catalog: Catalog) -> dict[str, bytes]:
    paths = [catalog.part_path(p.id) for p in catalog.contents.parts]
    paths += [catalog.head_path(h.id) for h in catalog.contents.heads]
    return {p.name: p.read_bytes() for p in paths}


def test_a_device_gets_the_catalog_as_the_server_has_it(
    opened: Catalog, client: CloudClient, tmp_path: Path
) -> None:
    root = tmp_path / "device"
    steps: list[tuple[int, int]] = []
    fetched = fetch_catalog(client, root, STEP_LIMIT_S, lambda done, of: steps.append((done, of)))
    got = open_catalog(root)
    assert stored(got) == stored(opened)
    assert got.contents.variants == opened.contents.variants
    sizes = {name: len(data) for name, data in stored(opened).items()}
    assert fetched == Fetched(len(opened.variants), len(sizes), sum(sizes.values()), 0)
    assert steps == [(n, len(sizes)) for n in range(len(sizes) + 1)]
    assert {p.name for p in root.iterdir()} == {"catalog.json", "parts", "heads"}


def test_only_what_is_lacking_or_damaged_comes_again(
    opened: Catalog, client: CloudClient, tmp_path: Path
) -> None:
    fetch_catalog(client, tmp_path, STEP_LIMIT_S)
    lost, damaged = (opened.contents.parts[i].id for i in (0, 1))
    (tmp_path / "parts" / f"{lost}.onnx").unlink()
    (tmp_path / "parts" / f"{damaged}.onnx").write_bytes(b"x")
    again = fetch_catalog(client, tmp_path, STEP_LIMIT_S)
    assert (again.pieces, again.kept) == (2, len(stored(opened)) - 2)
    assert stored(open_catalog(tmp_path)) == stored(opened)


def test_a_device_pages_in_a_variant_that_the_server_has_got_meanwhile(
    opened: Catalog, tmp_path: Path
) -> None:
    contents = opened.contents
    fewer = Catalog(opened.root, replace(contents, variants=contents.variants[:1]))
    for catalog, variants in ((fewer, 1), (opened, len(contents.variants))):
        host = HostedCatalog(catalog, open_backend("onnxruntime"), math.inf, Limits().batch_windows)
        with loopback(host) as server, CloudClient(server.endpoint) as client:
            fetch_catalog(client, tmp_path, STEP_LIMIT_S)
        host.close()
        assert len(open_catalog(tmp_path).variants) == variants


def test_a_lost_connection_is_tried_again_and_then_reported(client: CloudClient, tmp_path: Path) -> None:
    pauses_s: list[float] = []
    fetch_catalog(Flaky(client, 3), tmp_path / "a", STEP_LIMIT_S, pause=pauses_s.append)
    assert pauses_s == [1.0, 2.0, 4.0]
    with pytest.raises(CloudUnreachable, match="cut"):
        fetch_catalog(Flaky(client, 4), tmp_path / "b", STEP_LIMIT_S, pause=pauses_s.append)
    assert not (tmp_path / "b" / "catalog.json").exists()


def test_the_description_does_not_tell_why_candidates_failed(opened: Catalog, tmp_path: Path) -> None:
    secret = replace(opened.contents.compiled, failed={"wide": "/home/somebody/weights.th: missing"})
    catalog = Catalog(opened.root, replace(opened.contents, compiled=secret))
    host = HostedCatalog(catalog, open_backend("onnxruntime"), math.inf, Limits().batch_windows)
    with loopback(host) as server, CloudClient(server.endpoint) as client:
        fetch_catalog(client, tmp_path, STEP_LIMIT_S)
    host.close()
    assert b"somebody" in contents_to_bytes(catalog.contents)
    assert open_catalog(tmp_path).contents.compiled.failed == {}


def test_a_folder_that_cannot_take_it_is_named(opened: Catalog, client: CloudClient, tmp_path: Path) -> None:
    (tmp_path / "mine" / "features").mkdir(parents=True)
    with pytest.raises(BadInput, match="mine: holds a catalog that was compiled there"):
        fetch_catalog(client, tmp_path / "mine", STEP_LIMIT_S)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFailed, match=r"file.*cannot be written"):
        fetch_catalog(client, tmp_path / "file" / "catalog", STEP_LIMIT_S)


def test_a_server_that_does_not_describe_its_catalog_is_said_to_be_older(
    opened: Catalog, tmp_path: Path
) -> None:
    class Older(HostedCatalog):
        def listing(self) -> CatalogListing:
            return replace(super().listing(), description_id="")

    host = Older(opened, open_backend("onnxruntime"), math.inf, Limits().batch_windows)
    with (
        loopback(host) as server,
        CloudClient(server.endpoint) as client,
        pytest.raises(CloudIncompatible, match="older version"),
    ):
        fetch_catalog(client, tmp_path, STEP_LIMIT_S)
    host.close()


def test_the_command_fetches_and_says_what_to_do_next(
    server: Loopback, opened: Catalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "catalog"
    assert main(["catalog", "fetch", str(server.endpoint), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert f"{len(opened.variants)} variants; {len(stored(opened))} parts and heads came" in told
    assert f"mcdnn catalog profile {out}" in told
    shutil.rmtree(out / "heads")
    assert main(["catalog", "fetch", str(server.endpoint), "--out", str(out), "--timeout", "nan"]) == 2
    assert "--timeout nan: expected seconds above 0" in capsys.readouterr().err
    assert main(["catalog", "fetch", "nowhere", "--out", str(out)]) == 2
    assert "HOST:PORT" in capsys.readouterr().err
