"""Kinds of windows: what makes two windows equal for a plan."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """Windows for which the same apps may choose among the same options.

    Args:
        input_type: of the window.
        due: names of the apps that ask about it, in their order.
        context: which of the options' contexts holds, "" for none.
        connected: whether the cloud can be reached.
    """

    input_type: str
    due: tuple[str, ...]
    context: str
    connected: bool
