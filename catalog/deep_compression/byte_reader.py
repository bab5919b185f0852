"""Reading what another machine wrote: every length is checked before anything is allocated for it."""

from __future__ import annotations

_LONGEST_NUMBER = 9  # bytes of a number below 2 ** 63


class ByteReader:
    """Takes numbers and byte strings off the front of a byte string."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def taken(self, count: int) -> bytes:
        """Return the next count bytes.

        Raises:
            ValueError: fewer are left.
        """
        if count > len(self._data) - self._position:
            raise ValueError("it ends too early")
        start = self._position
        self._position += count
        return self._data[start : self._position]

    def number(self) -> int:
        """Return a number that `number_bytes` wrote.

        Raises:
            ValueError: the data end before it does, or it is longer than any that is written.
        """
        value = 0
        for k in range(_LONGEST_NUMBER):
            byte = self.taken(1)[0]
            value |= (byte & 0x7F) << (7 * k)
            if byte < 0x80:
                return value
        raise ValueError("a number that is too long")

    def end(self) -> None:
        """Check that nothing is left.

        Raises:
            ValueError: something is.
        """
        if self._position != len(self._data):
            raise ValueError("data after its end")


def number_bytes(value: int) -> bytes:
    """Return a number below 2 ** 63: seven bits a byte, lowest first, a high bit on all but the last."""
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
