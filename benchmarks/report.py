"""Writes a benchmark's results for people and for programs."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from catalog.backends.processor import describe_machine
from catalog.durable_file import write_whole

RESULTS = Path(__file__).parents[1] / "docs" / "results"
Row = Mapping[str, str | float | int | None]

# Where they lie on one machine says nothing to others.
_FOLDERS = {"--catalog": "CATALOG", "--data": "DATA", "--out": "OUT", "--work": "WORK"}


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the installed versions of packages and of Python."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def command_line(argv: Sequence[str]) -> str:
    """Return the command that runs a benchmark, with a word such as DATA for every folder that is named.

    Args:
        argv: of the process, its script first.
    """
    words = [f"benchmarks.{Path(argv[0]).stem}"]
    for word in argv[1:]:
        option, equals, _ = word.partition("=")
        if equals and option in _FOLDERS:
            words.append(f"{option}={_FOLDERS[option]}")
        else:
            words.append(_FOLDERS.get(words[-1], word))
    return " ".join(["python -m", *words])


def write_report(
    name: str,
    title: str,
    rows: Sequence[Row],
    notes: Sequence[str],
    packages: Sequence[str] = ("mcdnn", "numpy", "onnxruntime"),
    folder: Path = RESULTS,
    body: Sequence[str] = (),
    tables: Mapping[str, Sequence[Row]] | None = None,
) -> str:
    """Write <name>.md and <name>.json and return the Markdown text.

    Args:
        rows: named figures with units in the names; all rows have the same names.
        notes: paragraphs that say how it was measured.
        body: Markdown lines that show the rows, where one table of all of them is not for reading.
        tables: further figures, by name, for programs.
    """
    command = command_line(sys.argv)
    record = {
        "machine": describe_machine(),
        "versions": versions(packages),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "rows": [dict(r) for r in rows],
    }
    if tables:
        record["tables"] = {table: [dict(r) for r in of_table] for table, of_table in tables.items()}
    text = "\n".join(
        [
            f"# {title}",
            "",
            f"`{command}` on {record['machine']}, {record['date']}; "
            + ", ".join(f"{k} {v}" for k, v in versions(packages).items())
            + ".",
            "",
            *(body or markdown_table(rows)),
            "",
            *(line for note in notes for line in (note, "")),
        ]
    )
    write_whole(folder / f"{name}.json", json.dumps(record, indent=1).encode())
    write_whole(folder / f"{name}.md", text.encode())
    return text


def markdown_table(rows: Sequence[Row]) -> list[str]:
    """Return rows, which all have the same names, as the lines of a Markdown table."""
    names = list(rows[0])
    return [
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
        *("| " + " | ".join(_cell(r[n]) for n in names) + " |" for r in rows),
    ]


def _cell(value: str | float | int | None) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
