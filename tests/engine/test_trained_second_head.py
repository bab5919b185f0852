"""An engine whose training process makes two heads from stored features, and answers by the second one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from catalog.backends.table import open_backend
from catalog.preprocessing import window_pixels
from catalog.store import Catalog, CatalogWriter, StoredFeatures, open_catalog
from engine.runtime.catalog_pieces import CatalogPieces
from specializer.background_trainer import BackgroundHeadTrainer
from specializer.head_trainer import TrainingOrder, TrainingResult
from specializer.policy import AIMED_SKEW
from tests.catalog_builder import build_catalog
from tests.engine.rig import window
from tests.engine.test_specializing import Engine
from tests.engine.two_headed import ON_TWO

ROWS = 60  # of each class
PATIENCE_S = 60.0
SEEN_BY_SMALL = 30
WRONG_OF = 20

Float32 = npt.NDArray[np.float32]


class AtOnce:
    """Trains in the training process, and gives each order back when it has ended."""

    def __init__(self, catalog: Catalog) -> None:
        self._trainer = BackgroundHeadTrainer(catalog)
        self.made: list[tuple[float, TrainingResult]] = []  # with the share that it was ordered for

    def begin(self, order: TrainingOrder) -> Future[TrainingResult]:
        training = self._trainer.begin(order)
        if training.exception(PATIENCE_S) is None:
            self.made.append((order.aim.skew, training.result()))
        return training

    def close(self) -> None:
        self._trainer.close()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Catalog, AtOnce]]:
    catalog = catalog_that_knows_the_window(tmp_path_factory.mktemp("catalog"))
    with closing(AtOnce(catalog)) as trainer:
        yield catalog, trainer


def catalog_that_knows_the_window(root: Path) -> Catalog:
    """Store features in which the class of the rig's window is known to the narrow trunk alone.

    The small trunk tells half of that class's windows from all others; the window that the engine is
    shown is one of the other half. The wide variant is wrong on one stored window in twenty.
    """
    catalog = open_catalog(build_catalog(root), verify=False)
    shown = {trunk: features_of_window(catalog, trunk) for trunk in catalog.trunks}
    wide = catalog.head_weights(catalog.variants["wide/identity"].head)
    own = int(wide.confidences(shown["wide"][np.newaxis]).argmax())
    rng, writer = np.random.default_rng(7), CatalogWriter(root)
    labels = np.repeat(np.arange(10, dtype=np.int64), ROWS)
    wrong = np.arange(len(labels)) % WRONG_OF == 0
    easy = (labels == own) & (np.arange(len(labels)) % ROWS < SEEN_BY_SMALL)
    targets = np.linalg.pinv(wide.weight) @ (8.0 * np.eye(10) - wide.bias[:, np.newaxis])  # (D, 10)
    for split in ("train", "validation"):
        centres = {
            "small": shown["small"] + np.where(easy, 3.0, 0.0)[:, np.newaxis],
            "narrow": shown["narrow"] + np.where(labels == own, 0.0, 1.0)[:, np.newaxis],
            "wide": targets.T[(labels + wrong) % 10],
        }
        for trunk, centre in centres.items():
            points = centre + 0.05 * rng.standard_normal(centre.shape)
            writer.write_features(trunk, "identity", split, StoredFeatures(points.astype(np.float16), labels))
    return open_catalog(root, verify=False)


def features_of_window(catalog: Catalog, trunk: str) -> Float32:
    """Return what a trunk makes of the window that the rig shows, (D,)."""
    about, known = window(), catalog.trunks[trunk]
    pieces = CatalogPieces(catalog, open_backend("onnxruntime"))
    input_type = catalog.input_types[about.input_type]
    values: Any = window_pixels(about.frame.pixels, about.box, input_type, known.size_px)
    for part in known.parts:
        values = pieces.load(part)(values)
    found: Float32 = values[0]
    return found


def test_a_second_head_that_was_really_trained_answers_what_the_first_is_unsure_of(
    seen: tuple[Catalog, AtOnce],
) -> None:
    catalog, trainer = seen
    engine = Engine(catalog, trainer, rates=ON_TWO)
    results = engine.ask(200)
    answer = results[0].answer
    assert {r.answer for r in results} == {answer}
    assert (results[0].variant, results[-1].variant) == ("wide/identity", f"narrow/identity[{answer}]")
    pairs = [(skew, made.head) for skew, made in trainer.made if made.head.second is not None]
    shares = [skew for skew, _ in pairs]
    assert shares[0] == AIMED_SKEW
    assert shares == sorted(set(shares))  # then each for a greater share, and none twice
    _, pair = pairs[-1]
    first, second = engine.specializing.variants
    assert engine.heads.get(first) is pair.weights
    assert pair.second is not None
    assert engine.heads.get(second) is pair.second.weights
    assert 0.0 < pair.rates.second_in < 1.0
    figures = engine.specializing.figures
    assert figures.answered > 100
    assert figures.heads == len(trainer.made)
