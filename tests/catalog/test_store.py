from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save

from catalog.canonical import canonical_bytes
from catalog.contents import CatalogContents, CompileRecord
from catalog.errors import BadInput, CatalogError
from catalog.heads import HeadWeights
from catalog.measurements import SCHEMA_VERSION, DeviceMeasurements, PartMeasurement
from catalog.store import (
    CatalogWriter,
    StoredFeatures,
    content_id,
    head_from_bytes,
    head_to_bytes,
    open_catalog,
)
from catalog.tasks import InputType, Resize, Task
from tests.catalog_builder import DIGIT, IDENTITY, SKETCHES, build_catalog, first_part_graph

FINITE = st.floats(-1e6, 1e6, width=32)
# Names of files; on some systems two that differ in case alone are one file.
NAMES = st.text("abcxyz09-_", min_size=1, max_size=10)


def write_json(path: Path, change) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_the_same_seed_gives_the_same_catalog(pristine: Path, tmp_path: Path) -> None:
    again, other = build_catalog(tmp_path / "again"), build_catalog(tmp_path / "other", seed=1)
    names = [sorted(p.relative_to(r) for p in r.rglob("*.onnx")) for r in (pristine, again, other)]
    assert names[0] == names[1] != names[2]
    assert (again / "catalog.json").read_bytes() == (pristine / "catalog.json").read_bytes()


def test_a_whole_catalog_opens_and_nothing_partial_is_left(pristine: Path) -> None:
    catalog = open_catalog(pristine)
    assert sorted(catalog.tasks) == ["identity", "parity"]
    assert catalog.devices() == ["host"]
    assert catalog.trunks["wide"].parts[0] == catalog.trunks["narrow"].parts[0]
    for part in catalog.contents.parts:
        assert catalog.part_path(part.id).stat().st_size == part.file_bytes
    assert not list(pristine.rglob("*.partial"))


def test_a_folder_without_a_catalog_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=rf"{tmp_path}: not a catalog .*mcdnn compile TASKS.toml --out"):
        open_catalog(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[]", b'{"schema_version": 1}'])
def test_a_damaged_catalog_json_is_named(root: Path, text: bytes) -> None:
    (root / "catalog.json").write_bytes(text)
    with pytest.raises(CatalogError, match=rf"{root}/catalog.json: "):
        open_catalog(root)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("parts", [{"id": 3}], r"catalog\.json: parts\.0\.id: Input should be a valid string"),
        ("input_types", [{"name": "digit", "size_px": 2}], r"input\.digit\.size = 2"),
        ("tasks", [{"name": "t", "input_type": "digit", "classes": ["a"]}], r"task\.t: classes"),
        ("compiled", None, r"catalog\.json: compiled: "),
    ],
)
def test_a_wrong_value_in_catalog_json_is_named_by_key(
    root: Path, key: str, value: object, told: str
) -> None:
    write_json(root / "catalog.json", lambda data: data.update({key: value}))
    with pytest.raises(CatalogError, match=told):
        open_catalog(root)


def test_every_missing_cut_or_changed_part_and_head_is_named(root: Path) -> None:
    files = [*sorted((root / "parts").iterdir()), *sorted((root / "heads").iterdir())]
    assert len(files) == 5 + 6
    for path in files:
        whole = path.read_bytes()
        changed = bytearray(whole)
        changed[len(whole) // 2] ^= 1
        for damaged, told in (
            (b"", "damaged: its content hashes to .* compile again with --resume"),
            (whole[:-1], "damaged"),
            (bytes(changed), "damaged"),
        ):
            path.write_bytes(damaged)
            with pytest.raises(CatalogError, match=f"{path}: {told}"):
                open_catalog(root)
        path.unlink()
        with pytest.raises(CatalogError, match=f"{path}: No such file"):
            open_catalog(root)
        path.write_bytes(whole)
    open_catalog(root)


def replace_part(root: Path, data: bytes) -> Path:
    """Put other bytes in the place of the first part, with the id that belongs to them."""
    old, new = open_catalog(root).contents.parts[0].id, content_id(data)
    text = (root / "catalog.json").read_text().replace(old, new)
    (root / "catalog.json").write_text(text)
    (root / "parts" / f"{new}.onnx").write_bytes(data)
    return root / "parts" / f"{new}.onnx"


def test_weights_that_are_not_finite_are_refused_whatever_their_hash(root: Path) -> None:
    model = first_part_graph(SKETCHES[0], np.random.default_rng(0))
    weight = model.graph.initializer[1]
    values = np.frombuffer(weight.raw_data, np.float32).copy()
    values[5] = np.nan
    weight.raw_data = values.tobytes()
    path = replace_part(root, model.SerializeToString())
    with pytest.raises(CatalogError, match=f"{path}: weights w are not finite"):
        open_catalog(root)


def test_a_part_that_is_no_graph_is_refused_whatever_its_hash(root: Path) -> None:
    path = replace_part(root, b"\xff no graph")
    with pytest.raises(CatalogError, match=f"{path}: not a stored part"):
        open_catalog(root)


def test_a_head_of_another_shape_is_refused_whatever_its_hash(root: Path) -> None:
    old = open_catalog(root).contents.heads[0].id
    data = head_to_bytes(HeadWeights(np.zeros((2, 3), np.float32), np.zeros(2, np.float32), 1.0))
    path = root / "heads" / f"{content_id(data)}.safetensors"
    path.write_bytes(data)
    (root / "catalog.json").write_text((root / "catalog.json").read_text().replace(old, content_id(data)))
    with pytest.raises(CatalogError, match=rf"{path}: weight \(2, 3\), expected \(10, 32\)"):
        open_catalog(root)


def test_opening_without_verifying_reads_no_weights(root: Path) -> None:
    for path in (root / "parts").iterdir():
        path.unlink()
    assert len(open_catalog(root, verify=False).variants) == 6


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"weight": np.zeros((2, 3), np.float32), "bias": np.zeros(2, np.float32)},
        {"weight": np.zeros((2, 3)), "bias": np.zeros(3), "temperature": np.ones(1)},
        {"weight": np.zeros((2, 3)), "bias": np.zeros(2), "temperature": np.ones(0)},
        {"weight": np.zeros((2, 3)), "bias": np.zeros(2), "temperature": np.array(1.0)},
        {"weight": np.zeros((2, 3)), "bias": np.zeros(2), "temperature": np.zeros(1)},
        {"weight": np.full((2, 3), np.nan), "bias": np.zeros(2), "temperature": np.ones(1)},
    ],
)
def test_what_is_no_head_is_told_with_its_place(tensors: dict[str, np.ndarray]) -> None:
    with pytest.raises(CatalogError, match=r"^here: not a stored head: "):
        head_from_bytes(save(tensors), "here")


@given(st.binary(max_size=64))
def test_random_bytes_are_no_head(data: bytes) -> None:
    with pytest.raises(CatalogError, match=r"^here: not a stored head: "):
        head_from_bytes(data, "here")


@st.composite
def heads(draw: st.DrawFn) -> HeadWeights:
    classes, dim = draw(st.integers(2, 5)), draw(st.integers(1, 6))
    weight = draw(arrays(np.float32, (classes, dim), elements=FINITE))
    bias = draw(arrays(np.float32, (classes,), elements=FINITE))
    return HeadWeights(weight, bias, draw(st.floats(0.125, 8.0, width=32)))


@given(heads())
def test_a_head_comes_back_as_it_was_stored(head: HeadWeights) -> None:
    data = head_to_bytes(head)
    back = head_from_bytes(data, "here")
    np.testing.assert_array_equal(back.weight, head.weight)
    np.testing.assert_array_equal(back.bias, head.bias)
    assert back.temperature == head.temperature
    assert head_to_bytes(back) == data
    mine, other = (head_to_bytes(head, variant) for variant in ("narrow/digit", "wide/digit"))
    assert mine == head_to_bytes(head, "narrow/digit")
    assert content_id(mine) != content_id(other)
    assert head_to_bytes(head_from_bytes(mine, "here")) == data


RECORDS = st.builds(
    CompileRecord,
    NAMES,
    st.booleans(),
    st.integers(0, 2**63),
    NAMES,
    st.dictionaries(NAMES, st.text(max_size=8), max_size=3),
    st.dictionaries(NAMES, st.text(max_size=8), max_size=3),
)
INPUTS = st.lists(
    st.builds(InputType, NAMES, st.integers(8, 512), st.sampled_from(Resize), st.floats(0.0, 1.0)),
    min_size=1,
    max_size=3,
    unique_by=lambda i: i.name,
)


@st.composite
def contents(draw: st.DrawFn) -> CatalogContents:
    inputs = draw(INPUTS)
    classes = st.lists(st.text(max_size=6), min_size=2, max_size=4, unique=True).map(tuple)
    tasks = draw(
        st.lists(
            st.builds(Task, NAMES, st.sampled_from([i.name for i in inputs]), classes),
            max_size=3,
            unique_by=lambda t: t.name,
        )
    )
    return CatalogContents(draw(RECORDS), tuple(inputs), tuple(tasks))


@given(contents())
def test_contents_come_back_as_they_were_written(written: CatalogContents) -> None:
    with tempfile.TemporaryDirectory() as folder:
        CatalogWriter(Path(folder)).write_contents(written)
        assert open_catalog(Path(folder)).contents == written


def test_whole_contents_come_back_as_they_were_written(root: Path) -> None:
    before = open_catalog(root).contents
    CatalogWriter(root).write_contents(before)
    assert open_catalog(root).contents == before


def test_contents_that_do_not_fit_are_never_written(root: Path) -> None:
    before = (root / "catalog.json").read_bytes()
    whole = open_catalog(root).contents
    with pytest.raises(CatalogError):
        CatalogWriter(root).write_contents(replace(whole, parts=()))
    assert (root / "catalog.json").read_bytes() == before


@given(
    st.builds(
        PartMeasurement,
        NAMES,
        NAMES,
        NAMES,
        st.integers(1, 64),
        st.integers(1, 64),
        st.floats(0.0, 1e3),
        st.floats(0.0, 1e3),
        st.floats(0.0, 1e3),
        st.none() | st.integers(0, 2**40),
    )
)
def test_measurements_come_back_as_they_were_written(row: PartMeasurement) -> None:
    written = DeviceMeasurements("box", "a machine", {"numpy": "2"}, "now", (row,), {"h": 1e-5})
    with tempfile.TemporaryDirectory() as folder:
        writer = CatalogWriter(Path(folder))
        writer.write_measurements(written)
        writer.write_contents(CatalogContents(CompileRecord("f", True, 0, "now", {}), (DIGIT,), (IDENTITY,)))
        catalog = open_catalog(Path(folder))
        assert catalog.measurements("box") == written
        assert catalog.devices() == ["box"]


def test_a_part_is_stored_under_its_hash_and_repaired_where_it_was_damaged(root: Path) -> None:
    data = canonical_bytes(first_part_graph(SKETCHES[0], np.random.default_rng(5)))
    writer = CatalogWriter(root)
    part_id = writer.write_part(data)
    path = root / "parts" / f"{part_id}.onnx"
    assert part_id == content_id(data)
    assert path.read_bytes() == data
    written_ns = path.stat().st_mtime_ns
    assert writer.write_part(data) == part_id
    assert path.stat().st_mtime_ns == written_ns
    path.write_bytes(b"cut")
    writer.write_part(data)
    assert path.read_bytes() == data


def test_features_come_back_and_a_relabelled_task_has_its_own_labels(root: Path) -> None:
    catalog = open_catalog(root)
    identity = catalog.features("wide", "identity", "train")
    parity = catalog.features("wide", "parity", "train")
    assert identity.features.shape == (80, 32)
    assert identity.features.dtype == np.float16
    np.testing.assert_array_equal(identity.features, parity.features)
    np.testing.assert_array_equal(parity.labels, identity.labels % 2)
    assert isinstance(identity.features, np.memmap)


@pytest.mark.parametrize("ending", ["npy", "labels.npy"])
@pytest.mark.parametrize("keep", [0, 20, 300])
def test_damaged_features_are_named(root: Path, ending: str, keep: int) -> None:
    path = root / "features" / f"wide.identity.train.{ending}"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CatalogError, match=r"wide\.identity\.train\.npy: stored features cannot be read"):
        open_catalog(root).features("wide", "parity", "train")


def test_features_that_are_not_stored_are_named(root: Path) -> None:
    with pytest.raises(CatalogError, match=r"features/wide\.identity\.test\.npy: stored features cannot"):
        open_catalog(root).features("wide", "identity", "test")


def test_features_are_never_unpickled(root: Path) -> None:
    path = root / "features" / "wide.identity.train.npy"
    np.save(path, np.array([{"run": "me"}], dtype=object), allow_pickle=True)
    with pytest.raises(CatalogError, match="cannot be read"):
        open_catalog(root).features("wide", "identity", "train")


@pytest.mark.parametrize(
    ("features", "labels", "told"),
    [
        (np.zeros((4, 32)), np.zeros(3), r"\(4, 32\) float16, expected \(3, 32\)"),
        (np.zeros((3, 31)), np.zeros(3), r"\(3, 31\) float16, expected \(3, 32\)"),
        (np.zeros((2, 32)), np.array([0, 10]), "labels outside 0 to 9"),
        (np.zeros((2, 32)), np.array([0, -1]), "labels outside 0 to 9"),
    ],
)
def test_features_that_do_not_fit_the_catalog_are_named(
    root: Path, features: np.ndarray, labels: np.ndarray, told: str
) -> None:
    stored = StoredFeatures(features.astype(np.float16), labels.astype(np.int64))
    CatalogWriter(root).write_features("wide", "identity", "train", stored)
    with pytest.raises(CatalogError, match=rf"wide\.identity\.train\.npy: .*{told}"):
        open_catalog(root).features("wide", "parity", "train")


def test_variants_are_measured_as_the_sum_of_their_pieces(pristine: Path) -> None:
    catalog = open_catalog(pristine)
    wide = next(m for m in catalog.measured("identity") if m.variant.trunk == "wide")
    parts = [catalog.parts[p] for p in catalog.trunks["wide"].parts]
    assert wide.memory_bytes == sum(p.memory_bytes for p in parts) + 4 * 10 * (32 + 1)
    assert wide.latency_s == pytest.approx(400e-6 + 600e-6 + 5e-6)
    assert wide.load_s == pytest.approx(20 * 1000e-6)
    assert [m.variant.trunk for m in catalog.front("identity")] == ["wide", "narrow", "small"]


def test_a_device_that_was_never_measured_is_told_with_the_remedy(pristine: Path) -> None:
    with pytest.raises(CatalogError, match=r"profiles/phone\.json: missing \(measured on: \['host'\]\)"):
        open_catalog(pristine).front("identity", "phone")


@pytest.mark.parametrize("text", ["", "{}", '{"device": "host"}', "nonsense"])
def test_damaged_measurements_are_named(root: Path, text: str) -> None:
    (root / "profiles" / "host.json").write_text(text)
    with pytest.raises(CatalogError, match=rf"{root}/profiles/host.json: "):
        open_catalog(root).measurements()


def test_measurements_of_an_older_version_still_open(root: Path) -> None:
    expected = open_catalog(root).measurements()
    added = ("energy_j", "energy_origin", "peak_memory_bytes")

    def back_in_time(data: dict[str, Any]) -> None:
        del data["schema_version"], data["failures"], data["live"], data["chains"]
        data["parts"] = [{k: v for k, v in m.items() if k not in added} for m in data["parts"]]

    write_json(root / "profiles" / "host.json", back_in_time)
    assert open_catalog(root).measurements() == expected


def test_measurements_of_a_later_version_are_refused_with_the_remedy(root: Path) -> None:
    later = SCHEMA_VERSION + 1
    write_json(root / "profiles" / "host.json", lambda data: data.update(schema_version=later))
    remedy = rf"schema_version {later}: .* up to {SCHEMA_VERSION}: mcdnn catalog profile"
    with pytest.raises(CatalogError, match=remedy):
        open_catalog(root).measurements()


@pytest.mark.parametrize("key", ["parts", "head_s"])
def test_a_piece_that_was_never_measured_is_named(root: Path, key: str) -> None:
    write_json(root / "profiles" / "host.json", lambda data: data[key].clear())
    with pytest.raises(
        CatalogError, match=r"host\.json: wide/identity: \w+ was never measured: mcdnn catalog"
    ):
        open_catalog(root).front("identity")


def test_every_error_of_a_catalog_is_bad_input() -> None:
    assert issubclass(CatalogError, BadInput)
