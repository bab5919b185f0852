"""Result lines for weeks: added to, rotated by size and age, and none lost to a full disk or a kill."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import BadInput
from engine.errors import RecipientAway
from engine.sinks.rotated_lines import RotatedLines
from tests.engine.sinks.dated import NOON_S, several

INF = float("inf")


class Wall:
    def __init__(self) -> None:
        self.now_s = NOON_S

    def read(self) -> float:
        return self.now_s


def lines_to(
    path: Path, max_bytes: int = 1 << 20, max_age_s: float = INF, keep: int = 3, wall: Wall | None = None
) -> RotatedLines:
    return RotatedLines(path, max_bytes, max_age_s, keep, (wall or Wall()).read)


def indices(path: Path) -> list[int]:
    return [int(json.loads(line)["window"].partition(".")[0]) for line in path.read_bytes().splitlines()]


def test_lines_are_added_to_a_file_that_is_there_without_what_a_kill_left_of_one(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "r.jsonl"
    first = lines_to(path)
    first.deliver(several(3))
    first.close()
    with path.open("ab") as file:
        file.write(b'{"at":"2026-' + b"x" * 200_000)
    second = lines_to(path)
    second.deliver(several(2, first=3))
    second.close()
    assert indices(path) == [0, 1, 2, 3, 4]


def test_a_full_file_makes_way_and_only_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    sink = lines_to(path, max_bytes=4000, keep=2)
    for i in range(60):
        sink.deliver(several(1, first=i))
        assert max(p.stat().st_size for p in tmp_path.iterdir()) <= 4000
    sink.close()
    names = ["r.jsonl.2", "r.jsonl.1", "r.jsonl"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
    kept = [i for name in names for i in indices(tmp_path / name)]
    assert kept == list(range(kept[0], 60))


def test_an_old_file_makes_way_also_one_of_an_earlier_run(tmp_path: Path) -> None:
    path, wall = tmp_path / "r.jsonl", Wall()
    first = lines_to(path, max_age_s=3600.0, wall=wall)
    first.deliver(several(1))
    wall.now_s += 3500.0
    first.deliver(several(1, first=1))
    first.close()
    wall.now_s += 100.0
    second = lines_to(path, max_age_s=3600.0, wall=wall)
    second.deliver(several(1, first=2))
    second.close()
    assert (indices(tmp_path / "r.jsonl.1"), indices(path)) == ([0, 1], [2])


def test_none_kept_means_one_file(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    sink = lines_to(path, max_bytes=1000, keep=0)
    for i in range(20):
        sink.deliver(several(1, first=i))
    sink.close()
    assert [p.name for p in tmp_path.iterdir()] == ["r.jsonl"]
    assert indices(path)[-1] == 19


@pytest.mark.parametrize("how", ["moved", "deleted"])
def test_a_file_that_another_program_took_away_is_begun_anew(tmp_path: Path, how: str) -> None:
    path = tmp_path / "r.jsonl"
    sink = lines_to(path)
    sink.deliver(several(1))
    if how == "moved":
        path.rename(tmp_path / "old")
    else:
        path.unlink()
    sink.deliver(several(1, first=1))
    sink.close()
    assert indices(path) == [1]


_FILLING = """
import resource, sys
from pathlib import Path
from engine.errors import RecipientAway
from tests.engine.sinks.dated import several
from tests.engine.sinks.test_rotated_lines import lines_to
sink = lines_to(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
sink.deliver(several(3))
try:
    sink.deliver(several(10, first=3))
except RecipientAway as e:
    print(e)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
sink.deliver(several(10, first=3))
"""


def test_a_full_disk_is_named_leaves_whole_lines_and_passes(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", _FILLING, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{path}: cannot be written: File too large\n"
    assert indices(path) == list(range(13))


def test_a_file_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"cannot be written: File exists"):
        lines_to(tmp_path / "file" / "r.jsonl")
    with pytest.raises(BadInput, match=r"cannot be written: Is a directory"):
        lines_to(tmp_path)


def test_a_file_belongs_to_one_sink_at_a_time(tmp_path: Path) -> None:
    first = lines_to(tmp_path / "r.jsonl")
    with pytest.raises(BadInput, match=r"r\.jsonl: cannot be written: another sink or process writes to it"):
        lines_to(tmp_path / "r.jsonl")
    first.close()
    lines_to(tmp_path / "r.jsonl").close()


def test_a_folder_that_vanished_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "r.jsonl"
    sink = lines_to(path)
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(RecipientAway, match=r"r\.jsonl: cannot be written: No such file or directory"):
        sink.deliver(several(1))
    path.parent.mkdir()
    sink.deliver(several(1))
    sink.close()
    assert indices(path) == [0]
