"""Folders of images for tests."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def picture(path: Path, seed: int = 0, height: int = 20, width: int = 30) -> Path:
    """Write one noise image and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), noise)
    return path


def class_folders(root: Path, counts: dict[str, int]) -> Path:
    """Write a folder of class folders with images of several sizes."""
    for k, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            picture(root / name / f"{i:03d}.png", 1000 * k + i, 16 + 3 * i, 40 - i)
    return root
