"""The report of benchmarks.cloud_throughput: what was asked of each figure, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.report import Row, markdown_table

Tables = Mapping[str, Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Claim:
    """What is asked of a figure of a table.

    Args:
        about: what the figure says.
        table: its name.
        figure: its name there.
        least: that is asked; None for no lower end.
        most: likewise.
    """

    about: str
    table: str
    figure: str
    least: float | None = None
    most: float | None = None

    def row(self, trunk: str, way: str, values: Sequence[float]) -> Row:
        """Return what came of it: the median, and its spread over the turns."""
        middle = median(values)
        kept = (self.least is None or middle >= self.least) and (self.most is None or middle <= self.most)
        return {
            "claim": self.about,
            "trunk": trunk,
            "way": way,
            "figure": self.figure,
            "median": middle,
            "least": min(values),
            "most": max(values),
            "turns": len(values),
            "asked": f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}",
            "kept": "yes" if kept else "no",
        }


CLAIMS = (
    Claim("throughput against the bare backend", "against_bare", "share_pct", least=80.0),
    Claim("throughput against LitServe", "against_litserve", "x_litserve", least=2.0),
    Claim("p99 against LitServe", "against_litserve", "p99_x_litserve", most=1.0),
    Claim("a lone request besides inference against an echo", "overhead", "x_echo", most=1.5),
    Claim("goodput at five times the peak", "overload", "goodput_pct_of_peak", least=90.0),
    Claim("answers after their deadline", "overload", "late_pct_of_answers", most=0.0),
    Claim("memory after an hour's requests", "soak", "growth_pct", most=5.0),
)

_TITLES = {
    "trunks": "The trunks on the bare backend, by size of a batch",
    "against_bare": "Against the bare backend at its best size of a batch",
    "light_against_bare": "The same for the light trunk",
    "litserve_settings": "LitServe's settings",
    "against_litserve": "Against LitServe at its best setting",
    "latency": "Latency at shares of the peak",
    "overhead": "A lone request besides inference",
    "overload": "Overload",
    "soak": "An hour's requests",
}


def claim_rows(tables: Tables) -> list[Row]:
    """Return a row for each claim, trunk and way that was measured."""
    rows: list[Row] = []
    for claim in CLAIMS:
        found: dict[tuple[str, str], list[float]] = {}
        for row in tables.get(claim.table, ()):
            group = (str(row["trunk"]), str(row["way"]))
            found.setdefault(group, []).append(float(row[claim.figure] or 0.0))
        rows += [claim.row(*group, values) for group, values in found.items()]
    return rows


def body_lines(claims: Sequence[Row], tables: Tables) -> list[str]:
    """Return all tables as Markdown, what was asked first."""
    lines = [*markdown_table(claims), ""]
    for name, title in _TITLES.items():
        if tables.get(name):
            lines += [f"## {title}", "", *markdown_table(tables[name]), ""]
    return lines
