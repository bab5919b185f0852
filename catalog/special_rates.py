"""How heads specialised in a few classes do on each trunk: an optional file of a catalog."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from catalog.durable_file import write_whole
from catalog.errors import CatalogError

FILE = "specialization.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class SpecialRates:
    """Means over a few random sets of so many classes, on validation features.

    Args:
        trunk: name.
        task: name.
        classes: how many.
        accuracy_in: share of windows of those classes that are answered rightly.
        in_to_other: share of them that are passed on.
        accuracy_out: share of windows of other classes that are passed on.
        heads: how many heads passed their validation.
        rejected: how many did not.
        train_s: median processor time of one head.
        harder_in: how much less accurate the generic variant is on the windows of those classes that are
            passed on than on all of them.
        harder_out: likewise on windows of other classes.
        right_out: share of windows of other classes that are answered rightly.
        strayed_in: share of windows of those classes that are taken for another one.
    """

    trunk: str
    task: str
    classes: int
    accuracy_in: float
    in_to_other: float
    accuracy_out: float
    heads: int
    rejected: int
    train_s: float
    harder_in: float = 0.0
    harder_out: float = 0.0
    right_out: float = 0.0
    strayed_in: float = 0.0


@dataclass(frozen=True, slots=True)
class SpecialRatesFile:
    """The whole file.

    Args:
        rows: of trunks on which specialising may pay.
        never: for people, why other trunks are left out, by "<trunk>/<task>".
    """

    schema_version: int
    rows: tuple[SpecialRates, ...]
    never: dict[str, str]


_FILE = TypeAdapter(SpecialRatesFile)


def read_special_rates(root: Path) -> SpecialRatesFile:
    """Read what was measured; nothing where it never was.

    Raises:
        CatalogError: the file is damaged, or of a later version.
    """
    path = root / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return SpecialRatesFile(SCHEMA_VERSION, (), {})
    except OSError as e:
        raise CatalogError(f"{path}: {e.strerror or e}") from e
    try:
        found = _FILE.validate_json(data)
    except ValidationError as e:
        first = e.errors()[0]
        raise CatalogError(f"{path}: {'.'.join(str(x) for x in first['loc'])}: {first['msg']}") from e
    if found.schema_version > SCHEMA_VERSION:
        raise CatalogError(
            f"{path}: schema_version {found.schema_version}: this version reads up to {SCHEMA_VERSION}: "
            f"measure again with mcdnn catalog specialize {root}"
        )
    return found


def write_special_rates(root: Path, found: SpecialRatesFile) -> None:
    """Store what was measured."""
    write_whole(root / FILE, json.dumps(asdict(found), indent=1).encode())
