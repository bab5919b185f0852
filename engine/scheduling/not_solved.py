"""A program that its solver gave up."""

from __future__ import annotations


class NotSolved(RuntimeError):
    """HiGHS gave up a program although it has a solution: figures too far apart, or a fault of ours."""
