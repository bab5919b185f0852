"""Building the Containerfile takes minutes; what it copies and calls is held against the project here."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

from mcdnn.cli import make_parser

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs" / "deploy" / "Containerfile").read_text(encoding="utf-8").splitlines()


def words_after(instruction: str) -> list[list[str]]:
    return [shlex.split(li)[1:] for li in LINES if li.startswith(f"{instruction} ")]


def test_it_copies_all_that_the_package_is_made_of_and_nothing_that_is_not_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    copied = {name for *names, _ in words_after("COPY") for name in names}
    needed = {
        *project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"],
        *project["project"]["license-files"],
        project["project"]["readme"],
        "pyproject.toml",
        "constraints.txt",
    }
    assert copied == needed
    assert all((ROOT / name).exists() for name in copied)


def test_the_ignore_file_lets_builders_have_what_it_copies() -> None:
    ignored, *let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()[1:]
    copied = {name for *names, _ in words_after("COPY") for name in names}
    assert ignored == "*"
    assert {li.removeprefix("!") for li in let_through if li.startswith("!")} == copied


def test_its_command_is_one_that_the_program_takes() -> None:
    (entry,) = (li.removeprefix("ENTRYPOINT ") for li in LINES if li.startswith("ENTRYPOINT "))
    command = [w.strip(' "[]') for w in entry.split(",")]
    assert command[:2] == ["mcdnn", "serve"]
    args = make_parser().parse_args(command[1:])
    ports = {args.listen.rpartition(":")[2], args.metrics.rpartition(":")[2]}
    assert ports == set(words_after("EXPOSE")[0])
