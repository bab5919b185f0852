"""What can go wrong in the engine.

McdnnError
├── BadInput
│   └── SourceError    a file, folder or camera cannot be opened or read
└── RunFailed
    ├── SourceBroke    a source that gave frames gives no more, and not because it has ended
    ├── SinkError      results cannot be written
    │   ├── RecipientAway   where they go takes none just now: they are offered again
    │   └── ResultsRefused  where they go never will take these: they are dropped and counted
    ├── OffloadFailed  the cloud gave no answer; the device goes on alone
    └── BackendError
        └── PartFailed a part that was loaded could not be run
"""

from __future__ import annotations

from catalog.errors import BackendError, BadInput, RunFailed


class SourceError(BadInput):
    """Name the source that cannot be opened or that broke, and the remedy."""


class SourceBroke(RunFailed):
    """Say what broke in mid-stream; what came before it was processed."""


class SinkError(RunFailed):
    """Name what cannot be written, and why."""


class RecipientAway(SinkError):
    """Say why results could not be delivered just now.

    Args:
        why: for people, without secrets.
        retry_after_s: before which the other side does not want to be asked again.
    """

    def __init__(self, why: str, retry_after_s: float = 0.0) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class ResultsRefused(SinkError):
    """Say why these results will never be taken; one of few phrases, by which they are counted."""


class OffloadFailed(RunFailed):
    """Say why the cloud gave no answer; what was asked is answered by the device or not at all.

    Attributes:
        may_have_run: whether the other side may have worked on it all the same, and charge it.
    """

    may_have_run = True


class PartFailed(BackendError):
    """Name the part that could not be run.

    Args:
        piece: its id.
        why: what the backend said.
        busy_s: processor time that was spent all the same.
    """

    def __init__(self, piece: str, why: str, busy_s: float) -> None:
        super().__init__(why)
        self.piece = piece
        self.busy_s = busy_s
