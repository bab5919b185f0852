"""A catalog folder as an earlier compile left it: claimed for one process, and what of it is sound."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.compiler.outcomes import Outcome, outcomes_of
from catalog.contents import CatalogContents
from catalog.durable_file import remove_partials
from catalog.errors import BadInput, CatalogError, RunFailed
from catalog.store import Catalog, content_id, open_catalog

WORK_FOLDER = ".work"
_STORED_SPLITS = ("train", "validation")


@contextmanager
def claimed(root: Path, resume: bool) -> Iterator[Path]:
    """Hold a catalog folder for this process and give its folder for work in progress.

    Raises:
        BadInput: the folder holds a catalog and resume is not asked for, holds something else, or is
            being compiled by another process.
    """
    work = root / WORK_FOLDER
    _check_folder(root, work, resume)
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = (work / "lock").open("w")
    except OSError as e:
        raise RunFailed(f"{root}: cannot be written: {e.strerror or e}") from e
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"{root}: another process is compiling into it: wait until it has ended") from None
        remove_partials(root)
        yield work


def _check_folder(root: Path, work: Path, resume: bool) -> None:
    if root.exists() and not root.is_dir():
        raise BadInput(f"{root}: not a folder: give a new or empty folder")
    if not root.exists() or {p.name for p in root.iterdir()} <= {WORK_FOLDER}:
        return  # nothing, or what a compile left that ended before its first trunk
    begun = (root / "catalog.json").is_file() or work.is_dir()
    if not begun:
        raise BadInput(f"{root}: holds files that are no catalog: give a new or empty folder")
    if not resume:
        raise BadInput(f"{root}: holds a catalog already: complete it with --resume, or give another folder")


def begun_catalog(root: Path) -> Catalog | None:
    """Open what is there, unverified; None where there is no catalog yet.

    Raises:
        CatalogError: catalog.json is damaged.
    """
    return open_catalog(root, verify=False) if (root / "catalog.json").is_file() else None


def tried_names(contents: CatalogContents) -> set[str]:
    """Return the names of the trunks that were made or given up."""
    return {t.name for t in contents.trunks} | contents.compiled.failed.keys()


def check_continues(
    contents: CatalogContents, root: Path, fingerprints: set[str], versions: dict[str, str]
) -> None:
    """Check that a begun catalog comes from the same request, data and packages.

    A whole one may also come from a request that listed less: what became of each trunk depends on its
    own record, those that it starts from and the windows.

    Args:
        fingerprints: of all that is asked for, and of less that may be continued.
        versions: of the packages now.

    Raises:
        BadInput: it does not.
    """
    if contents.compiled.fingerprint in fingerprints:
        return
    before = contents.compiled.versions
    changed = [f"{k} {before.get(k)} -> {v}" for k, v in versions.items() if before.get(k) != v]
    reason = (
        f"packages changed ({', '.join(changed)})" if changed else "tasks, models, settings or data changed"
    )
    raise BadInput(f"{root}: cannot be resumed: {reason} since it was begun: compile into another folder")


def sound_outcomes(catalog: Catalog) -> dict[str, Outcome]:
    """Return the finished trunks of which every file is whole, by name; the others are made anew."""
    outcomes = outcomes_of(catalog.contents)
    return {name: outcome for name, outcome in outcomes.items() if _is_sound(catalog, outcome)}


def _is_sound(catalog: Catalog, outcome: Outcome) -> bool:
    files = [(catalog.part_path(p.id), p.id) for p in outcome.parts]
    files += [(catalog.head_path(h.id), h.id) for h in outcome.heads]
    if any(not path.is_file() or content_id(path.read_bytes()) != file_id for path, file_id in files):
        return False
    owners = [
        t for t in catalog.contents.tasks if t.input_type == outcome.trunk.input_type and t.parent is None
    ]
    try:
        for task in owners:
            for split in _STORED_SPLITS:
                catalog.features(outcome.trunk.name, task.name, split)
    except CatalogError:
        return False
    return True
