"""What a source around another one leaves as it is."""

from __future__ import annotations

from engine.sources.protocol import Source


class WrappedSource:
    """Has the name of the source in it, and is as live.

    Args:
        source: owned from here on.
    """

    def __init__(self, source: Source) -> None:
        self.source = source

    @property
    def name(self) -> str:
        """Name in results."""
        return self.source.name

    @property
    def live(self) -> bool:
        """As the source is."""
        return self.source.live

    def close(self) -> None:
        """Let go of the source."""
        self.source.close()
