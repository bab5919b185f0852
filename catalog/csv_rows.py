"""CSV files row by row: what is wrong is named with its line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import BadInput


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row.

    Args:
        where: file and line, for errors.
        fields: text by column; no column is left out.
    """

    where: str
    fields: Mapping[str, str]

    def text(self, column: str) -> str:
        """Return a field that must hold something.

        Raises:
            BadInput: it is empty.
        """
        found = self.fields[column]
        if not found:
            raise BadInput(f"{self.where}: {column} is empty")
        return found

    def optional(self, column: str) -> str:
        """Return a field; "" where it is empty or the file has no such column."""
        return self.fields.get(column, "")

    def number(self, column: str, least: float = 0.0, most: float = math.inf) -> float:
        """Return a finite number.

        Raises:
            BadInput: it is none, or lies outside.
        """
        text = self.fields[column]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (least <= value <= most and math.isfinite(value)):
            span = f"of at least {least:g}" if math.isinf(most) else f"from {least:g} to {most:g}"
            raise BadInput(f"{self.where}: {column} = {text!r}: expected a number {span}")
        return value

    def optional_number(self, column: str) -> float | None:
        """Return a number of at least 0; None where the field is empty or there is no such column.

        Raises:
            BadInput: it is something else.
        """
        return self.number(column) if self.optional(column) else None


def read_csv_rows(path: Path, needed: Sequence[str]) -> Iterator[CsvRow]:
    """Read a CSV file with a header, a row at a time.

    Args:
        needed: columns that must be there; others may.

    Raises:
        BadInput: the file cannot be read, is empty or lacks a column, or a row has more or fewer
            fields than the header (as one has that was cut off in mid-line).
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            columns = _columns(next(reader, None), path, needed)
            for values in reader:
                if values:
                    yield _row(columns, values, f"{path}, line {reader.line_num}")
    except OSError as e:
        raise BadInput(f"{path}: {e.strerror or e}") from e
    except (UnicodeDecodeError, csv.Error) as e:
        raise BadInput(f"{path}: not a CSV file: {e}") from e


def _columns(header: list[str] | None, path: Path, needed: Sequence[str]) -> list[str]:
    if header is None:
        raise BadInput(f"{path}: the file is empty: expected a first line {','.join(needed)}")
    for column in needed:
        if column not in header:
            raise BadInput(f"{path}, line 1: no column {column!r}: expected {', '.join(needed)}")
    return header


def _row(columns: list[str], values: list[str], where: str) -> CsvRow:
    if len(values) != len(columns):
        cut = "; was the file cut off?" if len(values) < len(columns) else ""
        raise BadInput(f"{where}: {len(values)} fields where the first line has {len(columns)}{cut}")
    return CsvRow(where, dict(zip(columns, values, strict=True)))
