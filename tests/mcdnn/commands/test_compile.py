"""The command itself, killed and resumed as a user would."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from catalog.store import open_catalog
from tests.tiny_compile import tiny_request, without_trials

TASKS = """
[input.digit]
size = 16
resize = "letterbox"
margin = 0.12
[task.identity]
input = "digit"
data = "digits"
[task.parity]
input = "digit"
relabel = { even = ["0", "2", "4", "6", "8"], odd = ["1", "3", "5", "7", "9"] }
[[model]]
techniques = ["scale", "int8"]
[[model.scale]]
width = 0.33
first_width = 1.0
[training]
epochs = 3
scaled_epochs = 3
tuning_epochs = 1
windows = 700
"""
# With how many jobs, after which line of output the compile is ended, and how: while it
# prepares, while it trains, and when it has finished some.
MOMENTS = (("1", 1, signal.SIGKILL), ("1", 4, signal.SIGINT), ("2", 7, signal.SIGKILL))


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "TASKS.toml"
    path.write_text(TASKS)
    return path


@contextmanager
def compiling(tasks: Path, out: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mcdnn", "compile", str(tasks), "--out", str(out), *flags]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def lines_until(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if len(lines) == count:
            break
    return lines


def test_the_file_asks_for_what_the_tests_compile(tasks: Path) -> None:
    from mcdnn.task_file import read_task_file

    assert read_task_file(str(tasks)) == tiny_request()


def test_a_compile_ended_at_any_moment_is_resumed_to_the_same_ids(
    tasks: Path, tmp_path: Path, tiny_catalog: Path
) -> None:
    out = tmp_path / "catalog"
    for jobs, lines, blow in MOMENTS:
        with compiling(tasks, out, "--resume", "--jobs", jobs) as process:
            before = lines_until(process, lines)
            with suppress(subprocess.TimeoutExpired):
                process.wait(random.Random(lines).uniform(0.0, 0.3))
            os.killpg(process.pid, blow)
            printed = "".join(before) + process.communicate()[0]
        if blow is signal.SIGINT:
            assert process.returncode == 130
            assert f"what is finished is kept in {out}: continue with --resume" in printed
            assert "Traceback" not in printed
        if (out / "catalog.json").is_file():
            assert not open_catalog(out).contents.compiled.complete
    with compiling(tasks, out, "--resume") as process:
        printed, _ = process.communicate()
        assert process.returncode == 0, printed
    undisturbed, resumed = open_catalog(tiny_catalog), open_catalog(out)
    assert resumed.contents.compiled.complete
    assert resumed.contents.parts == undisturbed.contents.parts
    assert resumed.contents.heads == undisturbed.contents.heads
    assert without_trials(resumed) == without_trials(undisturbed)
    assert not list(out.rglob("*.partial"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "no task file: give the path of a TASKS.toml, or digits"),
        (["digits"], "no folder to write to: give one with --out CATALOG"),
        (["gone.toml", "--out", "x"], "gone.toml: No such file"),
    ],
)
def test_what_is_missing_is_one_line_and_status_2(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from mcdnn.cli import main

    assert main(["compile", *words]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from mcdnn.cli import main

    assert main(["compile", "--print-schema"]) == 0
    assert '"TaskTable"' in capsys.readouterr().out


@pytest.mark.parametrize("model", ['teacher = "resnet"', 'techniques = ["prune:energy=0.5"]'])
def test_a_model_that_cannot_be_planned_is_refused_with_the_name_of_its_file(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mcdnn.cli import main

    path = tmp_path / "mine.toml"
    path.write_text(TASKS.replace('techniques = ["scale", "int8"]', model))
    assert main(["compile", str(path), "--dry-run"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mcdnn compile: {path}: model convnet: te")
    assert error.count("\n") == 1
