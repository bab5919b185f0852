"""The front door: command line, public API and wiring.

`from mcdnn import Engine, Catalog` loads what these need when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.store import Catalog, open_catalog
    from mcdnn.engine import Engine

__version__ = "0.1.0"

__all__ = ["Catalog", "Engine", "open_catalog"]

_HOMES = {"Catalog": "catalog.store", "open_catalog": "catalog.store", "Engine": "mcdnn.engine"}


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mcdnn' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
