from __future__ import annotations

from pathlib import Path

import pytest

from catalog.backends.processor import describe_machine, has_bf16


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_bf16", True),
        ("flags\t\t: fpu amx_bf16 amx_tile", True),
        ("Features\t: fp asimd bf16", True),
        ("flags\t\t: fpu avx2 avx512f", False),
        ("model name\t: made for bf16", False),
    ],
)
def test_bf16_is_told_by_the_flags_of_the_processor(tmp_path: Path, line: str, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\n")
    assert has_bf16(tmp_path / "cpuinfo") is expected


def test_bf16_is_never_assumed_where_nothing_is_told(tmp_path: Path) -> None:
    assert has_bf16(tmp_path / "none") is False


def test_arithmetic_that_not_all_processors_of_a_name_have_is_told(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("model name\t: Abacus 3000\nflags\t: fpu avx2\n")
    (tmp_path / "rich").write_text(
        "model name\t: Abacus 3000\nflags\t: fpu avx2 avx512f avx512_vnni avx512_bf16\n"
    )
    told = describe_machine(tmp_path / "plain")
    assert describe_machine(tmp_path / "rich") == f"{told}, AVX-512, int8 products, bf16 products"


def test_the_machine_is_described_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("model name\t: Abacus 3000\nflags\t: fpu\n")
    assert describe_machine(tmp_path / "cpuinfo").startswith("Abacus 3000, ")
    assert "cores" in describe_machine()
    assert "\n" not in describe_machine()
