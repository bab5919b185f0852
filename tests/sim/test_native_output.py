from __future__ import annotations

import ctypes
import os

import pytest

from sim.native_output import native_output_dropped


def test_what_native_code_prints_meanwhile_is_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    libc = ctypes.CDLL(None)
    with native_output_dropped():
        libc.puts(b"noise")
        os.write(1, b"noise")
    libc.puts(b"kept")
    libc.fflush(None)
    assert capfd.readouterr().out == "kept\n"
