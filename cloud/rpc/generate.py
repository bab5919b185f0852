"""Writes the protocol's Python code from protos/, or checks that what is committed is up to date.

    python -m cloud.rpc.generate            write
    python -m cloud.rpc.generate --check    exit status 1 where the two differ

Works in a checkout with the extra `dev`. The folder of a .proto mirrors the package that is generated
from it, so that the generated imports need no correction.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from catalog.errors import BadInput, McdnnError, MissingExtra, RunFailed

ROOT = Path(__file__).parents[2]
COMMAND = "python -m cloud.rpc.generate"


def generated_code(protos: Path) -> dict[Path, bytes]:
    """Return the generated files of every .proto below a folder, by path relative to the root.

    Raises:
        BadInput: no .proto there.
        MissingExtra: the generators are not installed.
        RunFailed: a .proto does not compile; the compiler has said why on standard error.
    """
    sources = sorted(str(p.relative_to(protos)) for p in protos.rglob("*.proto"))
    if not sources:
        raise BadInput(f"{protos}: no .proto files: run it in a checkout of the project")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        _compile(protos, sources, out)
        return {p.relative_to(out): p.read_bytes() for p in sorted(out.rglob("*_pb2*"))}


def _compile(protos: Path, sources: Sequence[str], out: Path) -> None:
    try:
        from grpc_tools import protoc
    except ImportError as e:
        raise MissingExtra("grpcio-tools", "dev", "generating the protocol's code") from e
    status = protoc.main(
        [
            "protoc",
            f"--proto_path={protos}",
            f"--plugin=protoc-gen-mypy={_plugin('protoc-gen-mypy')}",
            f"--plugin=protoc-gen-mypy_grpc={_plugin('protoc-gen-mypy_grpc')}",
            f"--python_out={out}",
            f"--grpc_python_out={out}",
            f"--mypy_out=quiet:{out}",
            f"--mypy_grpc_out=quiet:{out}",
            *sources,
        ]
    )
    if status != 0:
        raise RunFailed(f"{protos}: protoc ended with status {status}")


def _plugin(name: str) -> str:
    """Return the path of a generator: beside this Python, which need not be on PATH, or on PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise MissingExtra("mypy-protobuf", "dev", "generating the protocol's types")
    return found


def outdated(expected: dict[Path, bytes], root: Path) -> list[str]:
    """Name every committed file that is missing, differs or has no .proto any more."""
    folder = root / "cloud" / "rpc"
    committed = {p.relative_to(root) for p in folder.rglob("*_pb2*") if p.suffix in (".py", ".pyi")}
    problems = [f"{p}: no .proto gives this file" for p in sorted(committed - set(expected))]
    for path, data in expected.items():
        if path not in committed:
            problems.append(f"{path}: missing")
        elif (root / path).read_bytes() != data:
            problems.append(f"{path}: differs from what its .proto gives with the pinned generators")
    return problems


def write(expected: dict[Path, bytes], root: Path) -> None:
    """Write the generated files into a checkout."""
    for path, data in expected.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write(f"usage: {COMMAND} [--check]\n")
        return 2
    try:
        expected = generated_code(ROOT / "protos")
    except McdnnError as e:
        sys.stderr.write(f"{e}\n")
        return 1 if isinstance(e, RunFailed) else 2
    if not arguments:
        write(expected, ROOT)
        return 0
    problems = outdated(expected, ROOT)
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    if problems:
        sys.stderr.write(f"run: {COMMAND}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
