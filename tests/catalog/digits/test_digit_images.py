import hashlib

import numpy as np
import pytest

from catalog.digits.digit_images import (
    DIGIT_TASKS,
    IDENTITY,
    SPLIT_SHARES,
    SPLITS,
    digit_images,
    digit_labels,
    stratified_split,
)
from catalog.errors import BadInput


def test_every_image_is_in_exactly_one_split() -> None:
    origins = np.concatenate([digit_images(s).origins for s in SPLITS])
    assert np.array_equal(np.sort(origins), np.arange(1797))


def test_no_picture_is_in_two_splits() -> None:
    pictures = [{p.tobytes() for p in digit_images(s).strokes} for s in SPLITS]
    assert sum(map(len, pictures)) == len(set.union(*pictures)) == 1797


def test_every_class_is_cut_at_the_same_shares() -> None:
    counts = np.array([np.bincount(digit_images(s).digits, minlength=10) for s in SPLITS])
    shares = counts / counts.sum(axis=0)
    assert np.abs(shares - np.array(SPLIT_SHARES)[:, np.newaxis]).max() < 0.01


def test_the_split_is_the_one_that_catalogs_were_compiled_with() -> None:
    held_out = digit_images("test").origins
    digest = hashlib.sha256(",".join(map(str, held_out.tolist())).encode()).hexdigest()
    assert digest.startswith("da4ce54b0d1e3ce9"), (
        "catalogs compiled before would have trained on the test split"
    )


def test_strokes_are_ink_between_0_and_1() -> None:
    strokes = digit_images("train").strokes
    assert strokes.shape == (1258, 8, 8)
    assert strokes.dtype == np.float32
    assert (strokes.min(), strokes.max()) == (0.0, 1.0)


def test_another_seed_splits_otherwise() -> None:
    class_ids = np.repeat(np.arange(3), 20)
    first, second = (stratified_split(class_ids, (0.5, 0.5), seed)[0] for seed in (1, 2))
    assert len(first) == len(second) == 30
    assert not np.array_equal(first, second)


def test_an_unknown_split_names_those_that_there_are() -> None:
    with pytest.raises(BadInput, match="'all': expected one of train, validation, test"):
        digit_images("all")


def test_every_task_relabels_the_identity_of_a_digit() -> None:
    assert [t.data_task for t in DIGIT_TASKS] == [IDENTITY.name] * 4
    assert digit_labels(8) == {"identity": "8", "parity": "even", "below_five": "no", "closed_loop": "yes"}
    assert digit_labels(3) == {"identity": "3", "parity": "odd", "below_five": "yes", "closed_loop": "no"}


def test_a_four_has_no_closed_loop() -> None:
    closed = [d for d in range(10) if digit_labels(d)["closed_loop"] == "yes"]
    assert closed == [0, 6, 8, 9]
