"""The command line: exit status and one clear line, whatever a command meets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import BadInput, MissingExtra, RunFailed
from mcdnn import __version__
from mcdnn.cli import main
from mcdnn.commands import simulate

COMMANDS = {"demo", "compile", "catalog", "run", "serve", "simulate"}


def ending_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the status of a command that ends with an error."""

    def run(_: object) -> int:
        raise error

    monkeypatch.setattr(simulate, "run", run)
    return main(["simulate", "recorded"])


def test_every_command_has_a_line_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    told = {line.split()[0]: line.split(maxsplit=1)[1:] for line in lines if line.startswith("    ")}
    assert ended.value.code == 0
    assert set(told) >= COMMANDS
    assert all(told[c] for c in COMMANDS)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"mcdnn {__version__}\n"


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["fly"],
        ["run", "--speed", "3"],
        ["run", "e.toml", "--duration", "x"],
        ["demo", "--clou"],
        ["catalog", "show", "x", "--jso"],
    ],
)
def test_what_the_parser_does_not_know_is_bad_input(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage: mcdnn" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(COMMANDS - {"catalog"}))
def test_every_command_can_log_more(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "--verbose" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (BadInput("e.toml: policy = 'x'"), 2, "mcdnn simulate: e.toml: policy = 'x'\n"),
        (
            MissingExtra("torch", "compile", "compiling"),
            2,
            "mcdnn simulate: compiling needs torch: pip install 'mcdnn[compile]'\n",
        ),
        (RunFailed("camera unplugged"), 1, "mcdnn simulate: camera unplugged\n"),
        (KeyboardInterrupt(), 130, "mcdnn simulate: stopped\n"),
    ],
)
def test_an_error_is_one_line_and_a_status(
    error: BaseException,
    status: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ending_with(error, monkeypatch) == status
    assert capsys.readouterr().err == told


def test_a_mistake_in_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        ending_with(ZeroDivisionError(), monkeypatch)


def test_a_full_disk_behind_standard_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mcdnn", "run", "--print-schema"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "mcdnn run: [Errno 28] No space left on device\n")


def test_a_reader_that_went_away_is_no_traceback() -> None:
    command = f"{sys.executable} -m mcdnn run --print-schema | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1)
    assert done.stderr == ""
