"""Signals in a process of its own: one ends in good order, within a time; two end at once."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios

import pytest

from tests.engine.sources.served import LONG_S

PROGRAM = """
import signal, sys, threading
from mcdnn.run_signals import ended_by_signals, reloaded_by_hangup
stops, reloads, never = threading.Event(), [], threading.Event()
with ended_by_signals(stops.set, float(sys.argv[1])), reloaded_by_hangup(lambda: print("again", flush=True)):
    print("ready", flush=True)
    while not stops.wait(0.01): pass
    print("stopping", flush=True)
    while not never.wait(0.01): pass
"""


def started(within_s: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(within_s)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def told(process: subprocess.Popen[str], number: signal.Signals, answer: str) -> None:
    process.send_signal(number)
    assert process.stdout is not None
    assert process.stdout.readline() == answer


def test_what_does_not_end_in_time_is_given_up() -> None:
    process = started(0.05)
    told(process, signal.SIGTERM, "stopping\n")
    _, err = process.communicate(timeout=LONG_S)
    assert process.returncode == 1
    assert "not ended within 0.05 s of the signal" in err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, -2)])
def test_a_second_signal_waits_for_nothing(number: signal.Signals, status: int) -> None:
    process = started(1e6)
    told(process, number, "stopping\n")
    process.send_signal(number)
    process.communicate(timeout=LONG_S)
    assert process.returncode == status


def test_a_hangup_reloads_as_often_as_it_comes() -> None:
    process = started(1e6)
    for _ in range(3):
        told(process, signal.SIGHUP, "again\n")
    process.kill()
    process.communicate()


def test_a_run_whose_terminal_is_closed_ends_and_does_not_reload() -> None:
    terminal, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "0.05"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    told(process, signal.SIGHUP, "again\n")
    os.close(terminal)
    out, _ = process.communicate(timeout=LONG_S)
    assert (out, process.returncode) == ("stopping\n", 1)
