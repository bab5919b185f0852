"""What the training process does with an order: features from the catalog, a head, and what it took."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog.errors import BadInput, CatalogError
from catalog.store import Catalog, StoredFeatures, open_catalog
from specializer.cascade_threshold import CascadeAim
from specializer.errors import HeadRejected, NotTrainable
from specializer.generic_answers import GenericAnswers, generic_head, stored_answers
from specializer.head_making import Material, SecondMaterial, train_special_head
from specializer.special_head import SpecialHead
from specializer.training_messages import Errand, Made, errand_from_line, failure_to_line, made_to_line

_CATALOG = "catalog.json"  # written last, whole and by renaming, whenever anything in a catalog changes
_WARM_ROWS, _WARM_DIM, _WARM_CLASSES = 60, 8, 3


class OrderDesk:
    """Carries out orders for the catalog in a folder, one after another.

    What it read of the catalog is kept for the next order, as long as the same one lies there: an order
    that only moves the priors of a head takes less than reading would.

    Args:
        root: of the catalog.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stamp: tuple[int, int, int] | None = None
        self._catalog: Catalog | None = None
        self._generic: dict[tuple[str, str, str], GenericAnswers | None] = {}
        self._materials: dict[tuple[str, str], Material] = {}

    def answer(self, line: bytes) -> bytes:
        """Return the answer to a line; whatever goes wrong, there is one."""
        began_s = time.process_time()
        try:
            errand = errand_from_line(line)
            head = self._execute(errand)
        except HeadRejected as e:
            return failure_to_line(HeadRejected(str(e), time.process_time() - began_s))
        except NotTrainable as e:
            return failure_to_line(e)
        except Exception as e:
            return failure_to_line(e, traceback.format_exc())
        return made_to_line(Made(head, time.process_time() - began_s))

    def _execute(self, errand: Errand) -> SpecialHead:
        name = f"{errand.trunk}/{errand.task}"
        try:
            catalog = self._opened()
            _check(errand, catalog)
            material = self._material(catalog, errand.trunk, errand.task)
            return train_special_head(
                material,
                errand.dominant,
                errand.aim,
                np.random.default_rng(errand.seed),
                self._behind(errand, catalog, material.validation.labels),
                self._second(catalog, errand, material),
            )
        except CatalogError as e:
            raise NotTrainable(f"{name}: what the catalog holds for it cannot be read", str(e)) from e
        except BadInput as e:
            raise NotTrainable(f"{name}: {e}") from e
        except HeadRejected as e:
            raise HeadRejected(f"{name}: {e}") from e

    def _opened(self) -> Catalog:
        """Return the catalog, opened anew where another one was written there."""
        try:
            found = (self._root / _CATALOG).stat()
        except OSError as e:
            raise CatalogError(f"{self._root / _CATALOG}: {e.strerror}") from e
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if self._catalog is None or stamp != self._stamp:
            self._catalog, self._stamp = open_catalog(self._root, verify=False), stamp
            self._generic.clear()
            self._materials.clear()
        return self._catalog

    def _material(self, catalog: Catalog, trunk: str, task: str) -> Material:
        """Return what heads on a trunk are made of.

        Raises:
            CatalogError: it cannot be read.
        """
        if (trunk, task) not in self._materials:
            train, validation = (catalog.features(trunk, task, split) for split in ("train", "validation"))
            self._materials[trunk, task] = Material(train, validation, generic_head(catalog, trunk, task))
        return self._materials[trunk, task]

    def _second(self, catalog: Catalog, errand: Errand, first: Material) -> SecondMaterial | None:
        """Return what second heads are made of; None where none is wanted or the rows are others.

        All trunks that were trained together have features of the same windows in the same order.
        """
        wanted = errand.second
        if wanted is None:
            return None
        material = self._material(catalog, wanted.trunk, errand.task)
        if not np.array_equal(material.validation.labels, first.validation.labels):
            return None
        return SecondMaterial(wanted.trunk, material, wanted.cost)

    def _behind(
        self, errand: Errand, catalog: Catalog, labels: npt.NDArray[np.int64]
    ) -> GenericAnswers | None:
        """Return what the generic model makes of the validation rows; None where it cannot be told."""
        key = (errand.generic_trunk, errand.trunk, errand.task)
        if key not in self._generic:
            self._generic[key] = stored_answers(catalog, errand.generic_trunk, errand.task, labels)
        return self._generic[key]


def _check(errand: Errand, catalog: Catalog) -> None:
    """Refuse what this catalog cannot have features for.

    Raises:
        NotTrainable: no such trunk, task or class, or other parts than those that are known.
    """
    name = f"{errand.trunk}/{errand.task}"
    task = catalog.tasks.get(errand.task)
    wanted = [(errand.trunk, errand.part_ids)]
    wanted += [] if errand.second is None else [(errand.second.trunk, errand.second.part_ids)]
    for trunk_name, part_ids in wanted:
        trunk = catalog.trunks.get(trunk_name)
        if trunk is None or task is None or trunk.input_type != task.input_type:
            raise NotTrainable(f"{trunk_name}/{errand.task}: not in the catalog")
        if trunk.parts != part_ids:
            raise NotTrainable(
                f"{trunk_name}/{errand.task}: the catalog has changed: its trunk has other parts"
            )
    assert task is not None, "its trunk was found"
    unknown = [c for c in errand.dominant if not 0 <= c < len(task.classes)]
    if unknown:
        raise NotTrainable(f"{name}: classes {unknown}: expected 0 to {len(task.classes) - 1}")


def warm_up() -> None:
    """Train a head of made-up features, so that the first order finds everything loaded."""
    rng = np.random.default_rng(0)
    labels = np.arange(_WARM_ROWS, dtype=np.int64) % _WARM_CLASSES
    points = rng.standard_normal((_WARM_CLASSES, _WARM_DIM))[labels] * 9.0
    points += rng.standard_normal(points.shape)
    made_up = StoredFeatures(points.astype(np.float16), labels)
    material = Material(made_up, made_up)
    train_special_head(material, [0], CascadeAim(0.5, 0.5), rng, None, SecondMaterial("", material, 0.5))
