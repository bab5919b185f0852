"""The catalog on disk: opened with every file checked, written so that a kill leaves it whole.

Nothing in a catalog is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from catalog.contents import CatalogContents, check_contents
from catalog.durable_file import write_whole
from catalog.errors import BadInput, CatalogError
from catalog.heads import HeadWeights
from catalog.measurements import SCHEMA_VERSION as MEASUREMENTS_SCHEMA
from catalog.measurements import DeviceMeasurements
from catalog.parts import Part, Trunk
from catalog.tasks import InputType, Task
from catalog.variant_costs import measured_variants, unmeasurable_variants
from catalog.variants import MeasuredVariant, Variant, pareto_front

_CONTENTS = TypeAdapter(CatalogContents)
_MEASUREMENTS = TypeAdapter(DeviceMeasurements)
_ID_DIGITS = 16


def content_id(data: bytes) -> str:
    """Return the id of a stored part or head: what its file's bytes hash to."""
    return hashlib.sha256(data).hexdigest()[:_ID_DIGITS]


def head_to_bytes(head: HeadWeights, variant: str | None = None) -> bytes:
    """Serialise a head as safetensors: weight (C, D), bias (C,), temperature (1,), all float32.

    Args:
        head: its weights.
        variant: that it is part of; written beside them, so that trunks whose features are the same (one
            network cut in two ways) have heads of their own.
    """
    temperature = np.array([head.temperature], np.float32)
    tensors = {"weight": head.weight, "bias": head.bias, "temperature": temperature}
    return save_tensors(tensors, None if variant is None else {"variant": variant})


def head_from_bytes(data: bytes, where: str) -> HeadWeights:
    """Read a head back.

    Raises:
        CatalogError: not a head, or values that are not finite.
    """
    try:
        tensors = load_tensors(data)
        return HeadWeights(tensors["weight"], tensors["bias"], float(tensors["temperature"][0]))
    except (SafetensorError, KeyError, IndexError, BadInput) as e:
        raise CatalogError(f"{where}: not a stored head: {e}") from e


def contents_to_bytes(contents: CatalogContents) -> bytes:
    """Serialise what catalog.json says; the same contents give the same bytes."""
    data: dict[str, Any] = _CONTENTS.dump_python(contents, mode="json")
    return json.dumps(data, indent=1, sort_keys=True).encode()


def contents_from_bytes(data: bytes, where: str) -> CatalogContents:
    """Read what catalog.json says, and check it.

    Raises:
        CatalogError: not the contents of a catalog, or they break a rule.
    """
    try:
        contents = _CONTENTS.validate_json(data)
    except ValidationError as e:
        raise CatalogError(f"{where}: {_first_error(e)}") from e
    except BadInput as e:
        raise CatalogError(f"{where}: {e}") from e
    check_contents(contents)
    return contents


@dataclass(frozen=True, slots=True)
class StoredFeatures:
    """Features of one trunk over one split of a task's data: (N, D) float16, labels (N,) int64."""

    features: npt.NDArray[np.float16]
    labels: npt.NDArray[np.int64]


def part_file(root: Path, part_id: str) -> Path:
    """Return the file of a part of the catalog in a folder."""
    return root / "parts" / f"{part_id}.onnx"


def head_file(root: Path, head_id: str) -> Path:
    """Return the file of a head of the catalog in a folder."""
    return root / "heads" / f"{head_id}.safetensors"


class Catalog:
    """A catalog folder, read only. Use open_catalog."""

    def __init__(self, root: Path, contents: CatalogContents) -> None:
        self.root = root
        self.contents = contents
        self.input_types: dict[str, InputType] = {i.name: i for i in contents.input_types}
        self.tasks: dict[str, Task] = {t.name: t for t in contents.tasks}
        self.parts: dict[str, Part] = {p.id: p for p in contents.parts}
        self.trunks: dict[str, Trunk] = {t.name: t for t in contents.trunks}
        self.variants: dict[str, Variant] = {v.id: v for v in contents.variants}

    def part_path(self, part_id: str) -> Path:
        """Return the file of a part."""
        return part_file(self.root, part_id)

    def head_path(self, head_id: str) -> Path:
        """Return the file of a head."""
        return head_file(self.root, head_id)

    def head_weights(self, head_id: str) -> HeadWeights:
        """Read a head's arrays.

        Raises:
            CatalogError: the file is missing or damaged.
        """
        path = self.head_path(head_id)
        return head_from_bytes(_read(path), str(path))

    def features(self, trunk: str, task: str, split: str) -> StoredFeatures:
        """Map stored features into memory; a relabelled task is given its parent's, relabelled.

        Raises:
            CatalogError: not stored, or damaged.
        """
        owner = self.tasks[task]
        base = self.root / "features" / f"{trunk}.{owner.data_task}.{split}"
        try:
            features = np.load(f"{base}.npy", mmap_mode="r", allow_pickle=False)
            labels = np.load(f"{base}.labels.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError) as e:
            raise CatalogError(f"{base}.npy: stored features cannot be read: {e}") from e
        self._check_features(f"{base}.npy", features, labels, trunk, owner.data_task)
        if owner.parent is not None:
            labels = np.asarray(owner.relabel, np.int64)[labels]
        return StoredFeatures(features, labels)

    def _check_features(
        self, where: str, features: npt.NDArray[Any], labels: npt.NDArray[Any], trunk: str, data_task: str
    ) -> None:
        expected = (len(labels), self.trunks[trunk].feature_dim)
        if features.shape != expected or features.dtype != np.float16:
            raise CatalogError(f"{where}: {features.shape} {features.dtype}, expected {expected} float16")
        classes = len(self.tasks[data_task].classes)
        if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
            raise CatalogError(f"{where}: labels outside 0 to {classes - 1}")

    def devices(self) -> list[str]:
        """Return the names of the devices that the catalog was measured on."""
        return sorted(p.stem for p in (self.root / "profiles").glob("*.json"))

    def measurements(self, device: str = "host") -> DeviceMeasurements:
        """Read what was measured on a device.

        Raises:
            CatalogError: never measured there, or the file is damaged.
        """
        path = self.root / "profiles" / f"{device}.json"
        if not path.is_file():
            known = f"measured on: {self.devices()}"
            raise CatalogError(
                f"{path}: missing ({known}): measure it with mcdnn catalog profile {self.root}"
            )
        try:
            measurements = _MEASUREMENTS.validate_json(_read(path))
        except ValidationError as e:
            raise CatalogError(f"{path}: {_first_error(e)}") from e
        if measurements.schema_version > MEASUREMENTS_SCHEMA:
            raise CatalogError(
                f"{path}: schema_version {measurements.schema_version}: this version reads up to "
                f"{MEASUREMENTS_SCHEMA}: mcdnn catalog profile {self.root}"
            )
        return measurements

    def measured(self, task: str, device: str = "host") -> list[MeasuredVariant]:
        """Return the variants of a task with their cost on a device, most accurate first.

        Variants with a part that no backend can run there are left out: see unmeasurable.

        Raises:
            CatalogError: the device's measurements are missing, damaged or lack a part.
        """
        try:
            return measured_variants(self.contents, task, self.measurements(device))
        except KeyError as e:
            raise CatalogError(
                f"{self.root / 'profiles' / f'{device}.json'}: {e.args[0]} was never measured: "
                f"mcdnn catalog profile {self.root}"
            ) from e

    def unmeasurable(self, task: str, device: str = "host") -> dict[str, str]:
        """Return why variants of a task cannot be run on a device, by id.

        Raises:
            CatalogError: the device's measurements are missing or damaged.
        """
        return unmeasurable_variants(self.contents, task, self.measurements(device))

    def front(self, task: str, device: str = "host") -> list[MeasuredVariant]:
        """Return the variants of a task that no other dominates on a device, most accurate first."""
        return pareto_front(self.measured(task, device))


def open_catalog(root: Path, verify: bool = True) -> Catalog:
    """Open a catalog folder and check it.

    Args:
        root: the folder.
        verify: also hash every part and head and check that its weights are finite.

    Raises:
        CatalogError: naming the file that is missing or wrong.
    """
    path = root / "catalog.json"
    try:
        found = path.is_file()
    except OSError as e:  # a folder that may not be entered
        raise CatalogError(f"{path}: {e.strerror or e}") from e
    if not found:
        raise CatalogError(
            f"{root}: not a catalog (no catalog.json): make one with mcdnn compile TASKS.toml --out {root}"
        )
    catalog = Catalog(root, contents_from_bytes(_read(path), str(path)))
    if verify:
        _verify_files(catalog)
    return catalog


def _verify_files(catalog: Catalog) -> None:
    from catalog.canonical import check_finite

    for part in catalog.contents.parts:
        path = catalog.part_path(part.id)
        check_finite(read_checked(path, part.id), str(path))
    for head in catalog.contents.heads:
        path = catalog.head_path(head.id)
        weights = head_from_bytes(read_checked(path, head.id), str(path))
        expected = (len(catalog.tasks[head.task].classes), catalog.trunks[head.trunk].feature_dim)
        if weights.weight.shape != expected:
            raise CatalogError(f"{path}: weight {weights.weight.shape}, expected {expected}")


def read_checked(path: Path, expected_id: str) -> bytes:
    """Read a stored part or head and check that its content hashes to its id.

    Raises:
        CatalogError: it is missing or damaged.
    """
    data = _read(path)
    found = content_id(data)
    if found != expected_id:
        raise CatalogError(f"{path}: damaged: its content hashes to {found}; compile again with --resume")
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise CatalogError(f"{path}: {e.strerror or e}") from e


def _first_error(e: ValidationError) -> str:
    first = e.errors()[0]
    return f"{'.'.join(str(x) for x in first['loc'])}: {first['msg']}"


class CatalogWriter:
    """Writes the files of a catalog; contents go last, so that what they name is already there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write_part(self, data: bytes) -> str:
        """Store a part in canonical form and return its id."""
        return self._write_by_id("parts", data, "onnx")

    def write_head(self, head: HeadWeights, variant: str | None = None) -> str:
        """Store a head, of a variant, and return its id."""
        return self._write_by_id("heads", head_to_bytes(head, variant), "safetensors")

    def write_features(self, trunk: str, task: str, split: str, stored: StoredFeatures) -> None:
        """Store features (N, D) as float16 with their labels (N,) int64."""
        base = f"{trunk}.{task}.{split}"
        write_whole(self.root / "features" / f"{base}.npy", _npy(stored.features.astype(np.float16)))
        write_whole(self.root / "features" / f"{base}.labels.npy", _npy(stored.labels.astype(np.int64)))

    def write_measurements(self, measurements: DeviceMeasurements) -> None:
        """Store what was measured on a device."""
        data = _MEASUREMENTS.dump_json(measurements, indent=1)
        write_whole(self.root / "profiles" / f"{measurements.device}.json", data)

    def write_contents(self, contents: CatalogContents) -> None:
        """Store catalog.json, once all that it names is stored."""
        check_contents(contents)
        write_whole(self.root / "catalog.json", contents_to_bytes(contents))

    def _write_by_id(self, folder: str, data: bytes, ending: str) -> str:
        new_id = content_id(data)
        path = self.root / folder / f"{new_id}.{ending}"
        if not path.is_file() or content_id(path.read_bytes()) != new_id:
            write_whole(path, data)
        return new_id


def _npy(array: npt.NDArray[Any]) -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
