"""A page for each task of a catalog: the trade-off as a picture with all figures under it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.durable_file import write_whole
from catalog.variants import MeasuredVariant, OffFront, off_front
from mcdnn.catalog_pictures import DrawnVariant, draw_trade_off, png, svg, technique_of, without_heading
from mcdnn.quantities import NONE, energy, latency, megabytes, share

if TYPE_CHECKING:
    from catalog.store import Catalog

_HEADINGS = (
    "",
    "variant",
    "valid.",
    "test",
    "memory",
    "latency",
    "p95",
    "energy",
    "run in",
    "by",
    "made by",
    "kept off the front",
)
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem auto;
  max-width: 1240px; padding: 0 1rem }
h1 { font-size: 1.4rem; margin-bottom: .2rem }
p { color: #555; margin: .3rem 0 }
svg { width: 100%; height: auto }
svg g[id*="-v"] { cursor: help }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .86rem; margin-top: 1rem; width: 100% }
th, td { padding: .28rem .6rem; text-align: left; border-bottom: 1px solid #e4e4e4; white-space: nowrap }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
td.w { white-space: normal; color: #555 }
tr.off td { color: #888 }
"""
_NUMERIC = frozenset({"valid.", "test", "memory", "latency", "p95", "energy"})
_WORDY = frozenset({"made by", "kept off the front"})
_DRAWN_ID = re.compile(r'<g id="p\d+-v(\d+)">')


def write_pages(catalog: Catalog, device: str, folder: Path) -> list[Path]:
    """Write <task>.png and <task>.html for every task, and return the files.

    Raises:
        CatalogError: the catalog was not measured on the device.
        RunFailed: a file cannot be written.
    """
    written = []
    for task in catalog.tasks:
        measured = catalog.measured(task, device)
        off = off_front(measured)
        drawn = _drawn(catalog, measured, off)
        figure = draw_trade_off(task, _about(catalog, device, measured), drawn)
        picture, page = folder / f"{task}.png", folder / f"{task}.html"
        write_whole(picture, png(figure))
        rows = "".join(
            _row(catalog, m, v.number, off.get(m.variant.id)) for m, v in zip(measured, drawn, strict=True)
        )
        about = _about(catalog, device, measured)
        failed = catalog.unmeasurable(task, device)
        write_whole(
            page, _page(task, about, _with_titles(svg(without_heading(figure)), drawn), rows, failed).encode()
        )
        written += [picture, page]
    return written


def _drawn(
    catalog: Catalog, measured: Sequence[MeasuredVariant], off: Mapping[str, OffFront]
) -> list[DrawnVariant]:
    numbers = iter(range(1, len(measured) + 1))
    return [
        DrawnVariant(
            m.variant.trunk,
            technique_of(catalog.trunks[m.variant.trunk].lineage),
            m.variant.validation_accuracy,
            m.memory_bytes,
            m.latency_s,
            m.energy_j,
            None if m.variant.id in off else next(numbers),
            _in_words(m, off.get(m.variant.id)),
        )
        for m in measured
    ]


def _in_words(m: MeasuredVariant, off: OffFront | None) -> str:
    figures = f"{share(m.variant.validation_accuracy)}, {megabytes(m.memory_bytes)}, {latency(m.latency_s)}"
    joules = "" if m.energy_j is None else f", {energy(m.energy_j)}"
    where = "on the front" if off is None else off.reason
    return f"{m.variant.trunk}: {figures}{joules}; {m.precision} by {_backends(m)}; {where}"


def _backends(m: MeasuredVariant) -> str:
    return "+".join(dict.fromkeys(m.backends))


def _about(catalog: Catalog, device: str, measured: Sequence[MeasuredVariant]) -> str:
    origins = {m.energy_origin for m in measured if m.energy_origin is not None}
    joules = f"; energy {' and '.join(sorted(origins))}" if origins else ""
    return f"{len(measured)} variants on {device} ({catalog.measurements(device).machine}){joules}"


def _with_titles(picture: str, drawn: Sequence[DrawnVariant]) -> str:
    """Put into each point of a picture what is shown while the pointer is over it."""
    body = picture[picture.index("<svg") :]
    return _DRAWN_ID.sub(lambda g: f"{g.group()}<title>{escape(drawn[int(g.group(1))].about)}</title>", body)


def _page(task: str, about: str, picture: str, rows: str, failed: Mapping[str, str]) -> str:
    title = f"{escape(task)}: accuracy and cost"
    headings = "".join(f"<th{_kind(h)}>{h}</th>" for h in _HEADINGS)
    cannot = "".join(f"<p>{escape(v)} cannot run: {escape(reason)}</p>" for v, reason in failed.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1><p>{escape(about)}</p>"
        f"{picture}<p>Numbered points are on the front: no other variant is at least as accurate, as small "
        "and as fast. The picture shows accuracy on the validation split; the test split chose nothing.</p>"
        f'{cannot}<div class="wide"><table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table>'
        "</div></body></html>\n"
    )


def _row(catalog: Catalog, m: MeasuredVariant, number: int | None, off: OffFront | None) -> str:
    cells = (
        "" if number is None else str(number),
        m.variant.trunk,
        share(m.variant.validation_accuracy),
        share(m.variant.test_accuracy),
        megabytes(m.memory_bytes),
        latency(m.latency_s),
        latency(m.latency_p95_s),
        NONE if m.energy_j is None else energy(m.energy_j),
        m.precision,
        _backends(m),
        ", then ".join(catalog.trunks[m.variant.trunk].lineage),
        "" if off is None else off.reason,
    )
    told = "".join(f"<td{_kind(h)}>{escape(c)}</td>" for h, c in zip(_HEADINGS, cells, strict=True))
    return f"<tr>{told}</tr>" if number is not None else f'<tr class="off">{told}</tr>'


def _kind(heading: str) -> str:
    if heading in _NUMERIC:
        return ' class="n"'
    return ' class="w"' if heading in _WORDY else ""
