"""Folders of images: natural order, media time, and images that cannot be read."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import pytest

from catalog.errors import BadInput
from engine.errors import SourceError
from engine.sources.image_folder import ImageFolder
from tests.engine.media import picture
from tests.engine.sources.test_video_file import read_all


def write_images(folder: Path, *names: str) -> Path:
    for i, name in enumerate(names):
        assert cv2.imwrite(str(folder / name), picture(10 * (i + 1)))
    return folder


def test_images_come_in_the_order_of_the_numbers_in_their_names(tmp_path: Path) -> None:
    folder = write_images(tmp_path, "f10.png", "f9.png", "f1.png")
    frames = read_all(ImageFolder(folder, fps=4.0))
    assert [round(f.pixels.mean()) for f in frames] == [30, 20, 10]
    assert [f.t_s for f in frames] == [0.0, 0.25, 0.5]


def test_images_of_different_sizes_keep_their_size(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), picture(1, 64, 48))
    cv2.imwrite(str(tmp_path / "b.png"), picture(1, 20, 30))
    assert [f.pixels.shape for f in read_all(ImageFolder(tmp_path))] == [(48, 64, 3), (30, 20, 3)]


def test_a_bad_image_is_named_skipped_and_leaves_a_gap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_images(tmp_path, "a.png", "c.png")
    (folder / "b.png").write_bytes(b"no image")
    with caplog.at_level(logging.WARNING):
        frames = read_all(ImageFolder(folder, fps=1.0))
    assert [f.index for f in frames] == [0, 2]
    assert [f.t_s for f in frames] == [0.0, 2.0]
    assert f"{folder / 'b.png'}: not an image that can be read: skipped" in caplog.text


def test_other_files_and_sub_folders_are_passed_over(tmp_path: Path) -> None:
    write_images(tmp_path, "a.png")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "sub").mkdir()
    assert len(read_all(ImageFolder(tmp_path))) == 1


def test_a_folder_without_images_names_the_known_endings(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no image in it: expected files ending in \.bmp, \.jpeg, \.jpg"):
        ImageFolder(tmp_path)


def test_a_folder_of_nothing_but_bad_images_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "b.jpg").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"none of its 2 images can be read"):
        ImageFolder(tmp_path).read()


def test_a_missing_folder_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone: cannot be listed"):
        ImageFolder(tmp_path / "gone")


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_frame_rate_that_is_not_positive_is_an_error(tmp_path: Path, fps: float) -> None:
    with pytest.raises(BadInput, match=r"expected a positive number"):
        ImageFolder(write_images(tmp_path, "a.png"), fps=fps)
