from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.datasets.data_spec import SPLITS, DataSpec
from catalog.datasets.listing import FileSplits, list_splits
from catalog.errors import BadInput, DataError
from tests.catalog.datasets.pictures import class_folders, picture


def counts(splits: FileSplits) -> dict[str, dict[str, int]]:
    return {
        split: {c: sum(f.label == c for f in files) for c in splits.classes}
        for split, files in splits.files.items()
    }


def test_every_class_is_split_at_the_same_shares(tmp_path: Path) -> None:
    root = class_folders(tmp_path, {"cat": 20, "ant": 10})
    splits = list_splits(DataSpec(str(root), (0.6, 0.2, 0.2)), seed=1)
    assert splits.classes == ("ant", "cat")
    assert counts(splits) == {
        "train": {"ant": 6, "cat": 12},
        "validation": {"ant": 2, "cat": 4},
        "test": {"ant": 2, "cat": 4},
    }


def test_no_image_is_in_two_splits_and_none_is_lost(tmp_path: Path) -> None:
    root = class_folders(tmp_path, {"a": 9, "b": 14})
    splits = list_splits(DataSpec(str(root)), seed=1)
    paths = [f.path for files in splits.files.values() for f in files]
    assert len(paths) == len(set(paths)) == 23


def test_the_seed_alone_decides_the_split(tmp_path: Path) -> None:
    spec = DataSpec(str(class_folders(tmp_path, {"a": 12, "b": 12})))
    assert list_splits(spec, seed=1) == list_splits(spec, seed=1)
    assert list_splits(spec, seed=1) != list_splits(spec, seed=2)


def test_a_folder_that_is_split_already_is_given_as_three_paths(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", {"a": 20, "b": 20})
    class_folders(tmp_path / "test", {"a": 4, "b": 6})
    spec = DataSpec(str(tmp_path), (0.8, 0.1, 0.1), ("train", "train", "test"))
    found = counts(list_splits(spec, seed=0))
    assert found["test"] == {"a": 4, "b": 6}
    assert found["train"]["a"] + found["validation"]["a"] == 20
    assert found["validation"]["a"] == 2


def test_a_split_folder_given_as_one_is_told_how_to_say_so(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", {"a": 2, "b": 2})
    class_folders(tmp_path / "test", {"a": 2, "b": 2})
    with pytest.raises(DataError, match=r'split = \["train", "train", "test"\]'):
        list_splits(DataSpec(str(tmp_path)), seed=0)


def test_a_list_of_files_and_labels_is_read_beside_its_files(tmp_path: Path) -> None:
    for i in range(10):
        picture(tmp_path / "img" / f"{i}.png", i)
    rows = "".join(f"img/{i}.png,{'odd' if i % 2 else 'even'},x\n" for i in range(10))
    (tmp_path / "list.csv").write_text("file,label,more\n" + rows)
    splits = list_splits(DataSpec(str(tmp_path / "list.csv"), (0.6, 0.2, 0.2)), seed=0)
    assert splits.classes == ("even", "odd")
    assert all(f.path.is_file() for files in splits.files.values() for f in files)


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone: no such folder or file"):
        list_splits(DataSpec(str(tmp_path / "gone")), seed=0)


def test_a_folder_without_classes_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "lonely.png")
    with pytest.raises(DataError, match="no class folders"):
        list_splits(DataSpec(str(tmp_path)), seed=0)


def test_an_empty_class_folder_is_named(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 3, "b": 0})
    with pytest.raises(DataError, match="b: no files in it: expected images of class 'b'"):
        list_splits(DataSpec(str(tmp_path)), seed=0)


def test_a_single_class_is_no_question(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 12})
    with pytest.raises(DataError, match="a single class"):
        list_splits(DataSpec(str(tmp_path)), seed=0)


def test_too_few_images_for_three_splits_are_refused(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 1, "b": 1})
    with pytest.raises(DataError, match="no images are left for validation"):
        list_splits(DataSpec(str(tmp_path)), seed=0)


def test_a_class_that_only_tests_know_is_refused(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", {"a": 8, "b": 8})
    class_folders(tmp_path / "test", {"a": 4, "c": 4})
    spec = DataSpec(str(tmp_path), paths=("train", "train", "test"))
    with pytest.raises(DataError, match=r"classes \['c'\] of test have no training images"):
        list_splits(spec, seed=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name,label\na,b\n", "expected file and label"),
        ("file,label\n", "no rows"),
        ("file,label\na.png,\n", "line 2"),
        ("", "expected file and label"),
    ],
)
def test_a_wrong_list_is_named_with_what_was_expected(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(DataError, match=expected):
        list_splits(DataSpec(str(tmp_path / "list.csv")), seed=0)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.5, 0.6, 0.1), (1.0, 0.0, 0.0), (0.7, 0.2, 0.2)])
def test_shares_that_do_not_add_up_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(BadInput, match="with sum 1"):
        DataSpec("x", shares)


def test_three_paths_are_three() -> None:
    with pytest.raises(BadInput, match="three paths"):
        DataSpec("x", paths=("a", "b"))


@given(st.integers(3, 40), st.integers(3, 40), st.integers(0, 99))
def test_every_class_can_be_trained(first: int, second: int, seed: int) -> None:
    from catalog.datasets.listing import LabelledFile, shared_out

    files = [LabelledFile(Path(f"{i}"), "a" if i < first else "b") for i in range(first + second)]
    groups = shared_out(files, SPLITS, (0.7, 0.15, 0.15), seed)
    assert {f.label for f in groups["train"]} == {"a", "b"}
    assert sum(len(g) for g in groups.values()) == first + second
