"""What can go wrong in the engine.

    McdnnError
    ├── BadInput
    │   └── SourceError    a file, folder or camera cannot be opened or broke while being read
    └── RunFailed
        ├── SinkError      results cannot be written
        └── OffloadFailed  the cloud gave no answer; the device goes on alone
"""

from __future__ import annotations

from catalog.errors import BadInput, RunFailed


class SourceError(BadInput):
    """Name the source that cannot be opened or that broke, and the remedy."""


class SinkError(RunFailed):
    """Name what cannot be written, and why."""


class OffloadFailed(RunFailed):
    """Say why the cloud gave no answer; what was asked is answered by the device or not at all."""
