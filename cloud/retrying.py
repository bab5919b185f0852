"""When a request is sent once more: only where that cannot do harm, and only if there is time."""

from __future__ import annotations

from cloud.errors import CloudBusy, CloudError, CloudUnreachable

_MOST_ATTEMPTS = 3
_MOST_TOKENS = 10.0
_EARNED = 0.1
_SPREAD = 0.25


class RetryBudget:
    """Bounds retries to a share of what is answered, so that they cannot keep a server overloaded.

    The rule of gRPC's proposal A6, client retries, "throttling retry attempts": a retry costs one of
    ten tokens, an answer earns a tenth of one, and with half of them gone nothing is retried.
    """

    def __init__(self) -> None:
        self._tokens = _MOST_TOKENS

    def answered(self) -> None:
        """Earn for an answer."""
        self._tokens = min(_MOST_TOKENS, self._tokens + _EARNED)

    def spend(self) -> bool:
        """Return whether one more retry is allowed, and pay for it."""
        if self._tokens <= _MOST_TOKENS / 2.0:
            return False
        self._tokens -= 1.0
        return True


def retry_pause_s(
    error: CloudError, attempts: int, left_s: float, needed_s: float, draw: float
) -> float | None:
    """Return how long to wait before a request is sent again; None to give up.

    Questions change nothing at the server, so asking twice is safe. What is refused for a reason, ran
    out of time, or broke the server, is not asked again.

    Args:
        error: how it ended.
        attempts: made so far.
        left_s: to the deadline.
        needed_s: that an attempt takes.
        draw: in [0, 1), spreads those who were told to come back at the same moment.
    """
    if attempts >= _MOST_ATTEMPTS:
        return None
    if isinstance(error, CloudUnreachable) and attempts == 1:
        pause_s = 0.0  # the connection was lost: this attempt makes a new one
    elif isinstance(error, CloudBusy):
        pause_s = error.retry_after_s * (1.0 + _SPREAD * draw)
    else:
        return None
    return pause_s if pause_s + needed_s < left_s else None
