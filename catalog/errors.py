"""What can go wrong below the engine.

McdnnError                 anything this project raises on purpose
├── BadInput               the user's file, flag or data is wrong (exit status 2)
│   ├── CatalogError       a catalog on disk is missing, incomplete or damaged
│   ├── DataError          training data is missing, empty or unusable
│   └── ModelError         a model cannot be built, given its weights, split or exported
├── MissingExtra           an optional package is not installed (exit status 2)
└── RunFailed              something broke while running (exit status 1)
    ├── BackendError       a stored part cannot be loaded or run
    └── MeterFailed        a meter of energy cannot tell
"""

from __future__ import annotations


class McdnnError(Exception):
    """Base of every error that this project raises on purpose."""


class BadInput(McdnnError):
    """Say what the user gave, where, and what was expected instead."""


class CatalogError(BadInput):
    """Name the file of a catalog that is missing, incomplete or damaged."""


class DataError(BadInput):
    """Name the training data that is missing, empty or unusable."""


class ModelError(BadInput):
    """Name the model that cannot be built, given its weights, split or exported."""


class MissingExtra(McdnnError):
    """An optional package is needed; the message is the command that installs it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}: pip install 'mcdnn[{extra}]'")


class RunFailed(McdnnError):
    """Something broke while running that no input could have foreseen."""


class BackendError(RunFailed):
    """A stored part cannot be loaded or run by a backend."""


class MeterFailed(RunFailed):
    """Say which meter of energy cannot tell, and why."""
