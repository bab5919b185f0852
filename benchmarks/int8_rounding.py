"""How far runtimes are from what int8 parts mean, one against the other.

    python -m benchmarks.int8_rounding CATALOG ...

Prints, for each catalog, how many times as far openvino is from each int8 part's unrounded graph as
onnxruntime, in root mean square over eight windows of noise; see catalog/backends/unrounded.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from catalog.backends.table import open_backend
from catalog.measured_calls import rounding
from catalog.store import Catalog, open_catalog


def main() -> None:
    """Read the arguments and print a line a catalog."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("catalogs", nargs="+", type=Path, metavar="CATALOG")
    for root in parser.parse_args().catalogs:
        ratios = list(_ratios(open_catalog(root, verify=False)))
        if not ratios:
            print(f"{root}: no int8 part")
            continue
        print(
            f"{root}: {len(ratios)} int8 parts, openvino {min(ratios):.2f} to {max(ratios):.2f} times as far "
            f"as onnxruntime, median {median(ratios):.2f}"
        )


def _ratios(catalog: Catalog) -> Iterator[float]:
    first = {trunk.parts[0] for trunk in catalog.contents.trunks}
    backends = [open_backend(name) for name in ("openvino", "onnxruntime")]
    for part in catalog.contents.parts:
        if part.precision == "int8":
            path = catalog.part_path(part.id)
            own, default = (rounding(part, path, part.id in first, b) for b in backends)
            yield own / default


if __name__ == "__main__":
    main()
