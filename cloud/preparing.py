"""Pictures become what trees of parts read: decoded and resized, off the event loop where that takes time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt

from catalog.preprocessing import resize
from cloud.messages import Encoding, Features, Picture
from cloud.pictures import decoded
from cloud.refusals import BadRequest
from cloud.trunk_forest import Tree

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
_RAW = Encoding.RAW_RGB  # to look it up in its class is a call of Python code


async def prepared(pictures: Sequence[Picture], trees: Sequence[Tree], worker: Executor) -> list[UInt8]:
    """Return the windows as each tree reads them, (N, S, S, 3) uint8 RGB.

    Raises:
        BadRequest: a picture is damaged or does not agree with its declared size.
    """
    return await asyncio.get_running_loop().run_in_executor(worker, windows_of, pictures, trees)


def unpacked(features: Features, shape: tuple[int, ...]) -> Float32:
    """Return features (N, *shape) float32.

    Raises:
        BadRequest: they are not of that shape, or not finite.
    """
    whole = (features.windows, *shape)
    expected = 2 * math.prod(whole)
    if len(features.float16) != expected:
        raise BadRequest(f"features: {len(features.float16)} bytes: expected {expected} for {whole} float16")
    values = np.frombuffer(features.float16, "<f2").astype(np.float32).reshape(whole)
    if not np.isfinite(values).all():
        raise BadRequest("features: values that are not finite")
    return values


def windows_as_sent(pictures: Sequence[Picture], trees: Sequence[Tree]) -> list[UInt8] | None:
    """Return the windows as each tree reads them where they came so, else None; see prepared."""
    side = trees[0].size_px
    if any(t.size_px != side for t in trees):
        return None
    for picture in pictures:
        if picture.encoding is not _RAW or not picture.width_px == picture.height_px == side:
            return None
    data = pictures[0].data if len(pictures) == 1 else b"".join([p.data for p in pictures])
    return [np.frombuffer(data, np.uint8).reshape(len(pictures), side, side, 3)] * len(trees)


def windows_of(pictures: Sequence[Picture], trees: Sequence[Tree]) -> list[UInt8]:
    """Return the windows as each tree reads them; see prepared."""
    stacks: list[list[UInt8]] = [[] for _ in trees]
    for picture in pictures:  # one at a time: decoded, they may be large
        window = decoded(picture)
        for stack, tree in zip(stacks, trees, strict=True):
            stack.append(resize(window, tree.size_px, tree.input_type.resize))
    return [np.stack(s) if len(s) > 1 else s[0][np.newaxis] for s in stacks]
