"""mcdnn catalog specialize: measure how specialised heads do on every trunk of a catalog."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.store import Catalog

_HOST, _SETS = "host", 3


def add_specialize(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "specialize",
        help="measure how heads for a few classes do on every trunk, from stored features",
        description="Trains heads for random sets of classes on the features that the compiler stored, and "
        "writes specialization.json into the catalog: which trunks specialising may pay on, and how "
        "accurate it is. mcdnn compile does this by itself.",
    )
    verb.add_argument("catalog", type=Path, metavar="CATALOG")
    verb.add_argument(
        "--device", default=_HOST, metavar="NAME", help="whose measured times tell what pays (default: host)"
    )
    verb.add_argument("--sets", type=int, default=_SETS, metavar="N", help="random sets each (default: 3)")


def run_specialize(args: argparse.Namespace) -> int:
    """Measure, write and show.

    Raises:
        CatalogError: the catalog is missing, damaged, or was not measured on the device.
        BadInput: a flag is wrong.
    """
    from rich.console import Console

    from catalog.errors import BadInput
    from catalog.store import open_catalog

    if args.sets < 1:
        raise BadInput(f"--sets {args.sets}: expected at least 1")
    console = Console()
    for line in specialize(open_catalog(args.catalog, verify=False), args.device, args.sets):
        console.print(line, markup=False, highlight=False)
    return 0


def specialize(catalog: Catalog, device: str, sets: int) -> list[str]:
    """Measure and write; return what came out, in lines.

    Raises:
        CatalogError: the catalog was not measured on the device.
    """
    from catalog.special_rates import write_special_rates
    from specializer.rates_measuring import measure_catalog

    found = measure_catalog(catalog, device, sets=sets)
    write_special_rates(catalog.root, found)
    lines = [
        f"{r.trunk}/{r.task}, {r.classes} classes: {r.accuracy_in:.1%} of theirs right, "
        f"{r.in_to_other:.1%} passed on; of others {r.accuracy_out:.1%} passed on, "
        f"{r.right_out:.1%} right; {r.train_s:.2f} s a head"
        for r in found.rows
    ]
    return lines + [f"{name}: never: {why}" for name, why in found.never.items()]


def specialize_compiled(catalog: Catalog) -> str:
    """Measure a catalog that was just compiled; return a line about it.

    What goes wrong here is told and costs nothing else: the catalog is complete without.
    """
    from catalog.errors import McdnnError
    from catalog.special_rates import read_special_rates

    try:
        specialize(catalog, _HOST, _SETS)
        trunks = {(r.trunk, r.task) for r in read_special_rates(catalog.root).rows}
    except McdnnError as e:
        return (
            f"how heads for a few classes do was not measured: {e}: mcdnn catalog specialize {catalog.root}"
        )
    return f"specialising may pay on {len(trunks)} trunks: mcdnn run --specialize"
