from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from catalog.datasets.data_spec import SPLITS, DataSpec
from catalog.datasets.prepared_data import PreparedData, WindowFolder
from catalog.datasets.preparing import WindowsWanted, prepare, read_windows
from catalog.errors import DataError
from catalog.tasks import InputType, Resize
from tests.catalog.datasets.pictures import class_folders, picture
from tests.outside_data import outside_folder

INPUT = InputType("thing", size_px=12)


def prepared(
    source: Path | str, out: Path, seed: int = 0, threads: int = 1, rendered: int = 60
) -> PreparedData:
    wanted = WindowsWanted(INPUT, (8, 12), rendered)
    return prepare(DataSpec(str(source)), wanted, seed, WindowFolder(out), threads)


def read(path: Path, input_type: InputType = INPUT) -> np.ndarray:
    windows = read_windows(path, input_type, (12,))
    assert not isinstance(windows, str)
    return windows[0]


def test_images_of_any_size_become_windows_of_one(tmp_path: Path) -> None:
    data = prepared(class_folders(tmp_path / "in", {"a": 10, "b": 10}), tmp_path / "out")
    assert (data.classes, data.windows, data.skipped) == (("a", "b"), 20, ())
    train = WindowFolder(tmp_path / "out").read("train", 12)
    assert train.windows.shape == (14, 12, 12, 3)
    assert train.windows.dtype == np.uint8
    assert sorted(train.labels.tolist()) == [0] * 7 + [1] * 7


def test_each_side_is_cut_from_the_original(tmp_path: Path) -> None:
    source = class_folders(tmp_path / "in", {"a": 10, "b": 10})
    prepared(source, tmp_path / "out")
    small = WindowFolder(tmp_path / "out").read("train", 8).windows
    originals = [read_windows(p, INPUT, (8,))[0] for p in sorted(source.rglob("*.png"))]
    assert all(any(np.array_equal(w, o) for o in originals) for w in small)


def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    source = class_folders(tmp_path / "in", {"a": 10, "b": 10})
    assert prepared(source, tmp_path / "x", threads=1) == prepared(source, tmp_path / "y", threads=3)


def test_the_identity_changes_with_a_single_image(tmp_path: Path) -> None:
    source = class_folders(tmp_path / "in", {"a": 10, "b": 10})
    before = prepared(source, tmp_path / "x").identity
    picture(source / "a" / "003.png", seed=77)
    assert prepared(source, tmp_path / "y").identity != before


def test_unreadable_files_are_named_and_skipped(tmp_path: Path) -> None:
    source = class_folders(tmp_path / "in", {"a": 10, "b": 10})
    (source / "a" / "notes.txt").write_text("not an image")
    (source / "b" / "torn.jpg").write_bytes(b"")
    data = prepared(source, tmp_path / "out")
    assert data.windows == 20
    assert [line.split("/")[-1] for line in sorted(data.skipped)] == [
        "notes.txt: not an image that can be decoded",
        "torn.jpg: an empty file",
    ]


def test_classes_too_small_for_every_split_are_named(tmp_path: Path) -> None:
    data = prepared(class_folders(tmp_path / "in", {"a": 10, "b": 10, "lone": 1}), tmp_path / "out")
    assert data.unseen == (("validation", ("lone",)), ("test", ("lone",)))
    assert prepared(class_folders(tmp_path / "x", {"a": 10, "b": 10}), tmp_path / "y").unseen == ()


def test_files_that_a_list_names_in_vain_are_skipped(tmp_path: Path) -> None:
    rows = ["file,label"]
    for i in range(20):
        picture(tmp_path / f"{i}.png", i)
        rows.append(f"{i}.png,{'ab'[i % 2]}")
    (tmp_path / "list.csv").write_text("\n".join([*rows, "gone.png,a"]))
    data = prepared(tmp_path / "list.csv", tmp_path / "out")
    assert data.windows == 20
    assert "gone.png: No such file" in data.skipped[0]


def test_a_class_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    source = class_folders(tmp_path / "in", {"a": 10, "b": 0})
    (source / "a" / "torn.png").write_bytes(b"")
    for i in range(10):
        (source / "b" / f"{i}.png").write_bytes(b"broken")
    expected = r"no image of train can be read for classes \['b'\]; first .*/b/\d\.png: not an image"
    with pytest.raises(DataError, match=expected):
        prepared(source, tmp_path / "out")


def test_colours_come_out_as_red_green_blue(tmp_path: Path) -> None:
    red_in_opencv = np.zeros((5, 5, 3), np.uint8)
    red_in_opencv[..., 2] = 200
    assert cv2.imwrite(str(tmp_path / "red.png"), red_in_opencv)
    assert read(tmp_path / "red.png")[0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_images_are_read_as_colour(tmp_path: Path, channels: int) -> None:
    assert cv2.imwrite(str(tmp_path / "x.png"), np.full((9, 9, channels), 100, np.uint8))
    assert read(tmp_path / "x.png").shape == (12, 12, 3)


def test_the_resize_rule_of_the_input_type_is_followed(tmp_path: Path) -> None:
    picture(tmp_path / "wide.png", height=10, width=40)
    boxed = read(tmp_path / "wide.png", InputType("thing", 12, Resize.LETTERBOX))
    assert (boxed[0] == 114).all()


def test_digits_are_rendered_split_by_split(tmp_path: Path) -> None:
    data = prepared("digits", tmp_path)
    folder = WindowFolder(tmp_path)
    assert data.classes == tuple("0123456789")
    assert [len(folder.read(s, 12)) for s in SPLITS] == [42, 9, 9]
    assert folder.read("test", 8).windows.shape == (9, 8, 8, 3)


def test_rendered_digits_follow_from_the_seed(tmp_path: Path) -> None:
    first = prepared("digits", tmp_path / "a", seed=3).identity
    assert prepared("digits", tmp_path / "b", seed=3).identity == first
    assert prepared("digits", tmp_path / "c", seed=4).identity != first


@pytest.mark.data
def test_a_real_folder_that_is_split_already_is_read_whole(tmp_path: Path) -> None:
    source = outside_folder("scenes/intel6")
    spec = DataSpec(str(source), (0.85, 0.1, 0.05), ("train", "train", "test"))
    data = prepare(spec, WindowsWanted(INPUT, (12,), 0), 0, WindowFolder(tmp_path), threads=2)
    assert len(data.classes) == 6
    assert data.windows == 3720
    assert data.skipped == ()
