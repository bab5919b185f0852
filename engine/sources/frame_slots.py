"""Memory that a decoding process and the engine share: a few slots, each of which holds one picture.

The memory has no name anywhere: it is a file descriptor (memfd_create) that goes through the socket
between the two, so it is gone when both have let go of it, however they ended.
"""

from __future__ import annotations

import mmap
import os

import numpy as np

from engine.frames import UInt8

SLOTS = 4  # one being written, one under way, one being copied, one to spare


class FrameSlots:
    """Slots in shared memory. A slot belongs to one side at a time; whose turn it is, messages tell.

    Slots are numbered through from one memory to the next, so that none is taken for another.

    Args:
        descriptor: of the memory; owned from here on.
        slot_bytes: size of each of the slots.
    """

    def __init__(self, descriptor: int, slot_bytes: int) -> None:
        self.descriptor = descriptor
        self.slot_bytes = slot_bytes
        try:
            self._memory = mmap.mmap(descriptor, SLOTS * slot_bytes)
        except (OSError, ValueError):
            os.close(descriptor)
            raise

    def write(self, slot: int, pixels: UInt8) -> None:
        """Copy a picture (H, W, 3) uint8 into a slot, which it must fit into."""
        self._view(slot, *pixels.shape[:2])[:] = pixels

    def copy(self, slot: int, height: int, width: int) -> UInt8:
        """Return a copy of the picture (height, width, 3) uint8 in a slot."""
        return self._view(slot, height, width).copy()

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
        os.close(self.descriptor)

    def _view(self, slot: int, height: int, width: int) -> UInt8:
        begin, size_bytes = slot % SLOTS * self.slot_bytes, height * width * 3
        assert size_bytes <= self.slot_bytes
        return np.frombuffer(self._memory, np.uint8, size_bytes, begin).reshape(height, width, 3)


def make_slots(slot_bytes: int) -> FrameSlots:
    """Return new slots.

    Raises:
        OSError: there is not so much memory.
    """
    descriptor = os.memfd_create("mcdnn-frames")
    os.ftruncate(descriptor, SLOTS * slot_bytes)
    return FrameSlots(descriptor, slot_bytes)
