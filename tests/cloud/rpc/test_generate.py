from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import BadInput, RunFailed
from cloud.rpc.generate import ROOT, generated_code, main, outdated, write

PROTO = """
syntax = "proto3";
package cloud.rpc.v7;
message Ping { string id = 1; }
service Echo { rpc Say(Ping) returns (Ping); }
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "protos" / "cloud" / "rpc" / "v7"
    folder.mkdir(parents=True)
    (folder / "echo.proto").write_text(PROTO)
    return tmp_path


def test_the_committed_code_is_what_the_protos_give() -> None:
    assert outdated(generated_code(ROOT / "protos"), ROOT) == []


def test_code_and_types_are_written_where_the_package_says(checkout: Path) -> None:
    write(generated_code(checkout / "protos"), checkout)
    written = sorted(p.name for p in (checkout / "cloud" / "rpc" / "v7").iterdir())
    assert written == ["echo_pb2.py", "echo_pb2.pyi", "echo_pb2_grpc.py", "echo_pb2_grpc.pyi"]
    text = (checkout / "cloud" / "rpc" / "v7" / "echo_pb2_grpc.py").read_text()
    assert "from cloud.rpc.v7 import echo_pb2" in text


def test_what_is_missing_changed_or_left_over_is_named(checkout: Path) -> None:
    expected = generated_code(checkout / "protos")
    write(expected, checkout)
    assert outdated(expected, checkout) == []
    folder = checkout / "cloud" / "rpc" / "v7"
    (folder / "echo_pb2.pyi").unlink()
    (folder / "echo_pb2.py").write_text("# edited by hand\n")
    (folder / "old_pb2.py").write_text("")
    told = "\n".join(outdated(expected, checkout))
    assert "v7/echo_pb2.pyi: missing" in told
    assert "v7/echo_pb2.py: differs from what its .proto gives" in told
    assert "v7/old_pb2.py: no .proto gives this file" in told


def test_a_proto_that_does_not_compile_is_an_error(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (checkout / "protos" / "cloud" / "rpc" / "v7" / "echo.proto").write_text("syntax = 'proto3'; message {")
    with pytest.raises(RunFailed, match="protoc ended with status 1"):
        generated_code(checkout / "protos")
    assert "echo.proto:1" in capfd.readouterr().err


def test_a_folder_without_protos_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no \.proto files"):
        generated_code(tmp_path)


def test_an_unknown_flag_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--chek"]) == 2
    assert "usage: python -m cloud.rpc.generate [--check]" in capsys.readouterr().err


def test_the_check_passes_on_this_checkout() -> None:
    assert main(["--check"]) == 0
