"""mcdnn run: the command itself, on real video files and on the digit camera."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import cv2
import pytest

from cloud.endpoint import Endpoint
from engine.frames import Frame
from engine.results import Result
from mcdnn.cli import main
from mcdnn.commands.run import watch
from mcdnn.engine import Engine
from sim.day import simulate_recording
from sim.recording import open_recording
from tests.catalog_builder import build_catalog
from tests.engine.media import write_video
from tests.mcdnn.web.pages import ask, until
from tests.outside_data import outside_file

TIMEOUT_S = 60.0
WEB_TOKEN = "a-token-of-the-porch"
with socket.create_server(("127.0.0.1", 0)) as _free:
    METRICS = f"127.0.0.1:{_free.getsockname()[1]}"
ENGINE = """
catalog = "catalog"
[[source]]
uri = "clip.mp4"
[[app]]
name = "who"
task = "identity"
[[app]]
name = "odd"
task = "parity"
"""
WHOLE_FRAMES = ENGINE + '[extractor]\ndigit = "whole-frame"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog, a clip of twelve frames, and two configurations."""
    root = tmp_path_factory.mktemp("run")
    build_catalog(root / "catalog")
    write_video(root / "clip.mp4", frames=12)
    (root / "digits.toml").write_text(ENGINE)
    (root / "whole.toml").write_text(WHOLE_FRAMES)
    (root / "apps.toml").write_text('catalog = "catalog"')
    return root


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def frames_in(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    capture.release()
    return count


def start(*words: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mcdnn", "run", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_video_file_leaves_results_a_video_and_a_recording(folder: Path, tmp_path: Path) -> None:
    results, video, recording = tmp_path / "r.jsonl", tmp_path / "v.mp4", tmp_path / "rec"
    process = start(folder / "whole.toml", "--out", results, "--video", video, "--record", recording)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, err) == (0, "")
    assert "frames: 12 processed of 12 read, 0 dropped" in out
    lines = lines_of(results)
    assert [(r["window"], r["app"]) for r in lines] == [
        (f"{i}.digit.0", app) for i in range(12) for app in ("who", "odd")
    ]
    assert all(r["served"] and r["energy_origin"] == "modelled" for r in lines)
    assert frames_in(video) > 0
    replayed = simulate_recording(open_recording(recording), "original")
    assert (replayed.requests, replayed.served) == (24, 24)


def test_the_digit_camera_is_summed_up_for_programs(folder: Path) -> None:
    process = start(
        folder / "digits.toml", "--source", "digits:?seed=7&pace=max", "--duration", "1", "--json",
        "--policy", "original",
    )  # fmt: skip
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    summary = json.loads(out)
    assert (summary["frames"], summary["served_share"]) == (15, 1.0)
    assert [(a["app"], a["variant"]) for a in summary["apps"]] == [
        ("who", "wide/identity"),
        ("odd", "wide/parity"),
    ]
    assert summary["standing"]["truth"]["recall"] > 0.8
    assert f"{folder / 'digits.toml'} original: " in err


def test_prometheus_is_answered_while_it_runs(
    endless: tuple[subprocess.Popen[str], int, Path],
) -> None:
    process, reader, _ = endless
    assert os.read(reader, 1000)
    with urlopen(f"http://{METRICS}/metrics") as page:
        assert 'mcdnn_run_requests_total{app="who"}' in page.read().decode()
    process.kill()


@pytest.mark.parametrize(
    ("port", "expected"),
    [("taken", "Address already in use: choose another address or port"), ("0", "give the port")],
)
def test_an_address_for_metrics_that_is_of_no_use_is_refused_before_a_file_is_touched(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], port: str, expected: str
) -> None:
    results = tmp_path / "results.jsonl"
    results.write_text("of the last run\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1] if port == 'taken' else port}"
        words = ["run", str(folder / "whole.toml"), "--metrics", where, "--out", str(results)]
        assert main(words) == 2
    assert f"--metrics {where}: {expected}" in capsys.readouterr().err
    assert results.read_text() == "of the last run\n"


def test_browsers_see_the_run_while_it_goes_on_and_others_only_with_a_token(
    folder: Path, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"porch:{WEB_TOKEN}\n")
    process = start(
        folder / "digits.toml", "--source", "digits:?seed=7", "--web", "0.0.0.0:0", "--web-token-file", tokens
    )
    assert process.stderr is not None
    (port,) = re.findall(r"page at http://0\.0\.0\.0:(\d+)/", process.stderr.readline())
    at = Endpoint("127.0.0.1", int(port))
    until(lambda: ask(at, "/healthz").status == 200)
    assert ask(at, "/api/state").status == 401
    state = ask(at, "/api/state", {"Authorization": f"Bearer {WEB_TOKEN}"}).json
    assert state["now"]["title"].endswith("digits.toml paced")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, WEB_TOKEN in out + err) == (0, False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--web", "0.0.0.0:0"], "other machines can reach this address: add --web-token-file"),
        (["--web", "8080"], "expected HOST:PORT"),
        (["--web-token-file", "tokens"], "give --web [HOST]:PORT too"),
        (["--web", ":0", "--web-token-file", "/none"], "--web-token-file /none: No such file"),
    ],
)
def test_a_page_that_cannot_be_or_that_everybody_could_see_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    assert main(["run", str(folder / "whole.toml"), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line


@pytest.fixture
def endless(folder: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    """A run without an end that writes its results into a pipe, the pipe, and its video."""
    pipe, video = tmp_path / "results", tmp_path / "v.mp4"
    os.mkfifo(pipe)
    process = start(
        folder / "digits.toml", "--source", "digits:?seed=7&pace=max", "--out", pipe, "--video", video,
        "--metrics", METRICS,
    )  # fmt: skip
    reader = os.open(pipe, os.O_RDONLY)
    yield process, reader, video
    os.close(reader)
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_its_files_complete(
    endless: tuple[subprocess.Popen[str], int, Path], number: signal.Signals
) -> None:
    process, reader, video = endless
    first = os.read(reader, 1000)
    process.send_signal(number)
    with os.fdopen(os.dup(reader), "rb") as rest:
        written = first + rest.read()
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, err) == (0, "")
    assert written.endswith(b"\n")
    results = [json.loads(line) for line in written.splitlines()]
    who = next(line for line in out.splitlines() if line.split()[:1] == ["who"])
    assert who.split()[1] == str(len(results) // 2)
    assert frames_in(video) > 0


class Stuck:
    """A sink that does not come back from its first frame."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.freed = threading.Event()

    def accept(self, frame: Frame, results: Sequence[Result]) -> None:
        self.reached.set()
        self.freed.wait(TIMEOUT_S)

    def close(self) -> None:
        pass


def test_a_second_interrupt_waits_for_nothing(folder: Path) -> None:
    engine, sink = Engine(folder / "whole.toml"), Stuck()
    engine.add_sink(sink)
    main_thread, before = threading.main_thread(), signal.getsignal(signal.SIGINT)
    assert main_thread.ident is not None

    def interrupt_twice(ident: int) -> None:
        sink.reached.wait(TIMEOUT_S)
        signal.pthread_kill(ident, signal.SIGINT)
        while signal.getsignal(signal.SIGINT) is not before:
            pass
        signal.pthread_kill(ident, signal.SIGINT)

    interrupting = threading.Thread(target=interrupt_twice, args=(main_thread.ident,))
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        watch(engine, None, float("inf"), "stuck")
    interrupting.join(TIMEOUT_S)
    assert not sink.freed.is_set()
    assert signal.getsignal(signal.SIGINT) is before
    sink.freed.set()


def test_a_video_without_any_window_is_a_run_without_requests(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(folder / "digits.toml"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["frames"], summary["accuracy"], summary["served_share"]) == (12, None, None)
    assert [(a["app"], a["requests"]) for a in summary["apps"]] == [("who", 0), ("odd", 0)]


def test_a_video_that_breaks_off_fails_with_what_came_before(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, results = write_video(tmp_path / "cut.avi", frames=60, codec="MJPG"), tmp_path / "r.jsonl"
    os.truncate(clip, clip.stat().st_size // 2)
    words = ["run", str(folder / "whole.toml"), "--source", str(clip), "--out", str(results)]
    assert main(words) == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"mcdnn run: {clip}: breaks off after frame ")
    last = int(told.err.split("after frame ")[1].split()[0])
    assert len(lines_of(results)) == 2 * (last + 1)
    assert f"frames: {last + 1} processed" in told.out


def test_a_full_disk_fails_in_one_line_after_the_summary(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(folder / "whole.toml"), "--out", "/dev/full"]) == 1
    told = capsys.readouterr()
    assert told.err == "mcdnn run: results file /dev/full: cannot be written: No space left on device\n"
    assert "frames: " in told.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "no configuration: give the path of an ENGINE.toml"),
        (["nowhere.toml"], "nowhere.toml: No such file or directory"),
        (["[]/apps.toml"], "[]/apps.toml: no app: add an "),
        (["{}", "--duration", "0"], "--duration 0: expected a positive number of seconds"),
        (["{}", "--duration", "nan"], "--duration nan: expected a positive number of seconds"),
        (
            ["{}", "--policy", "greedy"],
            "--policy greedy: expected one of best-static, client-only, mcdnn2016",
        ),
        (["{}", "--source", "nowhere.mp4"], "source 'nowhere.mp4': no such file or folder; expected a video"),
        (["{}", "--source", "x" * 5000], "source 'xxx"),
        (["{}", "--source", "digits:?speed=3"], "source 'digits:?speed=3': unknown option 'speed'"),
        (["{}", "--video", "v.gif"], "video v.gif: expected a name that ends in .mp4, .mkv, .avi"),
        (["{}", "--record", "{}"], "recording "),
    ],
)
def test_bad_input_is_one_line_and_touches_no_results(
    folder: Path, tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "r.jsonl"
    results.write_text("yesterday's\n")
    config = str(folder / "whole.toml")
    given = [w.replace("{}", config).replace("[]", str(folder)) for w in words]
    assert main(["run", *given, "--out", str(results)]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"mcdnn run: {told.replace('[]', str(folder), 1)}")
    assert printed.err.count("\n") == 1
    assert results.read_text() == "yesterday's\n"


def test_the_schema_is_printed_without_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--print-schema"]) == 0
    assert "energy_j" in json.loads(capsys.readouterr().out)["$defs"]["BudgetTable"]["properties"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("clip", "extractor"),
    [
        ("faces_crowd_1080p_4s.mp4", "faces"),
        ("shopping_street_13s.mp4", "motion"),
        ("classroom_3s.mp4", "whole-frame"),
    ],
)
def test_real_clips_are_answered(
    folder: Path, tmp_path: Path, clip: str, extractor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder / f"{extractor}.toml"
    config.write_text(ENGINE + f'[extractor]\ndigit = "{extractor}"\n')
    results, video = tmp_path / "r.jsonl", tmp_path / "v.mp4"
    source = outside_file(f"videos/{clip}")
    words = ["run", str(config), "--source", str(source), "--duration", "0.5"]
    assert main([*words, "--out", str(results), "--video", str(video)]) == 0
    assert "served" in capsys.readouterr().out
    assert lines_of(results)
    assert frames_in(video) > 0
