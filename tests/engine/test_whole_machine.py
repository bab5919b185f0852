"""Whether the counts of the whole machine say what there is for this program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.errors import MeterFailed
from engine.processor_use import ProcessorUse
from engine.whole_machine import WholeMachine, whole_machine


@pytest.fixture
def every_core() -> Iterator[None]:
    """Run on all cores, whatever the tests were given."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    yield
    os.sched_setaffinity(0, before)


def in_groups(root: Path, lines: str, **quotas: str) -> bool:
    """Tell whether the machine is whole with these lines in /proc/self/cgroup, and these files."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(lines)
    for name, quota in quotas.items():
        file = root / "cgroups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(quota)
    return whole_machine(root / "proc", root / "cgroups") is not None


@pytest.mark.usefixtures("every_core")
def test_a_machine_is_whole_without_a_quota(tmp_path: Path) -> None:
    machine = whole_machine(tmp_path, tmp_path)
    assert machine is not None
    assert machine.cores == os.cpu_count()
    assert machine.used() is not None


@pytest.mark.usefixtures("every_core")
@pytest.mark.parametrize(
    ("lines", "file", "quota", "whole"),
    [
        ("0::/\n", "cpu.max", "max 100000\n", True),
        ("0::/\n", "cpu.max", "150000 100000\n", False),
        ("0::/system.slice/mcdnn.service\n", "system.slice/mcdnn.service/cpu.max", "20000 100000\n", False),
        ("0::/system.slice/mcdnn.service\n", "system.slice/cpu.max", "20000 100000\n", False),
        ("0::/system.slice/mcdnn.service\n", "user.slice/cpu.max", "20000 100000\n", True),
        ("1:cpu,cpuacct:/docker/a:b\n0::/\n", "cpu/docker/a:b/cpu.cfs_quota_us", "50000\n", False),
        ("1:cpu,cpuacct:/docker/a:b\n0::/\n", "cpu/docker/a:b/cpu.cfs_quota_us", "-1\n", True),
        ("2:cpuset:/docker\n0::/\n", "cpu/docker/cpu.cfs_quota_us", "50000\n", True),
    ],
)
def test_a_quota_of_any_group_around_makes_it_a_part(
    tmp_path: Path, lines: str, file: str, quota: str, whole: bool
) -> None:
    assert in_groups(tmp_path, lines, **{file: quota}) is whole


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core cannot be divided")
@pytest.mark.usefixtures("every_core")
def test_some_cores_are_a_part(tmp_path: Path) -> None:
    os.sched_setaffinity(0, {0})
    assert whole_machine(tmp_path, tmp_path) is None


def test_what_cannot_be_read_is_not_known() -> None:
    def fails() -> ProcessorUse:
        raise MeterFailed("/proc/stat: hidden")

    assert WholeMachine(4, fails).used() is None
