"""What the engine and a decoding process tell each other: short messages over a socket.

Engine to decoder: ORDER (which source to open), RELEASE (a slot is free again).
Decoder to engine: OPENING (it has begun), OPENED (1: a recording), SLOTS (with the descriptor of the
memory), PROGRESS (with or without a picture in a slot), ENDED, FAILED (why).
"""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import NamedTuple

_MOST_BYTES = 1 << 16
_NUMBER = struct.Struct("<Q")
_DESCRIPTOR = struct.Struct("@i")
_BESIDE_BYTES = socket.CMSG_LEN(_DESCRIPTOR.size)


class Kind(IntEnum):
    """What a message says: its first byte."""

    ORDER = 1
    RELEASE = 2
    OPENING = 3
    OPENED = 4
    SLOTS = 5
    PROGRESS = 6
    ENDED = 7
    FAILED = 8


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """Which source to decode, and how.

    Args:
        uri: a URL or a camera's number; it may hold a password, so it is never shown.
        fps: frames a second to give at most; None for all.
        blocks: whether decoding waits while there is no free slot; otherwise the frame is dropped.
        pace: of a recording, "max" or "wall".
        timeout_s: for opening, and for a frame to come.
        width: in pixels, that pictures have at most; None for all.
    """

    uri: str
    fps: float | None = None
    blocks: bool = False
    pace: str = "max"
    timeout_s: float = 5.0
    width: int | None = None

    def to_bytes(self) -> bytes:
        """Return it as a message's body."""
        return json.dumps(asdict(self)).encode()


def order_from_bytes(body: bytes) -> StreamOrder:
    """Return the order in a message's body."""
    return StreamOrder(**json.loads(body))


class Progress(NamedTuple):
    """How far decoding has come since the source was opened; every frame that came is in one count.

    grabbed = given + over_rate + no_slot + damaged, where a frame is given by a message with a slot.

    Args:
        slot: that holds the latest frame; -1 where the message brings none.
        height: of its picture.
        width: of its picture.
        grabbed: frames that came.
        over_rate: dropped because fewer a second were asked for.
        no_slot: dropped because the engine had not taken the ones before.
        damaged: that could not be decoded as a whole.
        t_s: time of the latest frame since the first one.
        captured_s: reading of the monotonic clock when it was complete.
        busy_s: processor time of the process so far.
    """

    slot: int = -1
    height: int = 0
    width: int = 0
    grabbed: int = 0
    over_rate: int = 0
    no_slot: int = 0
    damaged: int = 0
    t_s: float = 0.0
    captured_s: float = 0.0
    busy_s: float = 0.0


_PROGRESS = struct.Struct("<iII4Q3d")


def progress_to_bytes(progress: Progress) -> bytes:
    """Return it as a message's body."""
    return _PROGRESS.pack(*progress)


def progress_from_bytes(body: bytes) -> Progress:
    """Return the progress in a message's body."""
    return Progress(*_PROGRESS.unpack(body))


def number_to_bytes(number: int) -> bytes:
    """Return a slot or a size as a message's body."""
    return _NUMBER.pack(number)


def number_from_bytes(body: bytes) -> int:
    """Return the number in a message's body."""
    (number,) = _NUMBER.unpack(body)
    return int(number)


class Message(NamedTuple):
    """A message as it came.

    Args:
        kind: what it says.
        body: the rest.
        descriptor: that came with it, owned by the receiver; -1 for none.
    """

    kind: Kind
    body: bytes = b""
    descriptor: int = -1


def link_pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends that keep messages apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(link: socket.socket, kind: Kind, body: bytes = b"", descriptor: int = -1) -> None:
    """Send a message, waiting for room.

    Raises:
        OSError: the other side is gone.
    """
    if descriptor >= 0:
        socket.send_fds(link, [bytes([kind]) + body], [descriptor])
    else:
        link.sendall(bytes([kind]) + body, socket.MSG_NOSIGNAL)


def receive(link: socket.socket, wait: bool = True) -> Message | None:
    """Return the next message; None where the other side is gone.

    Raises:
        BlockingIOError: none is there, and one is not to be waited for.
    """
    flags = socket.MSG_CMSG_CLOEXEC | (0 if wait else socket.MSG_DONTWAIT)
    try:
        # Not socket.recv_fds: it leaves flags out (Python 3.11).
        data, beside, _, _ = link.recvmsg(_MOST_BYTES, _BESIDE_BYTES, flags)
    except ConnectionError:
        return None
    if not data:
        return None
    descriptor = _DESCRIPTOR.unpack(beside[0][2])[0] if beside else -1
    return Message(Kind(data[0]), data[1:], descriptor)
