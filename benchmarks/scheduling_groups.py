"""The groups of the scheduling benchmark: what each runs, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Row
from benchmarks.scheduling_cases import Case
from benchmarks.scheduling_days import generated_days, real_days
from benchmarks.scheduling_figures import figure11_table, figure12_table
from benchmarks.scheduling_pictures import draw_figure10, draw_figure11, draw_figure12, draw_figure13
from benchmarks.scheduling_published import figure13, grid, memory
from benchmarks.scheduling_same_code import same_code
from benchmarks.scheduling_speed import speed
from benchmarks.scheduling_sweeps import figure10, figure11, figure12

Draw = Callable[[Sequence[Row], Path], list[str]]
_PUBLISHED = "mcdnn2016"


@dataclass(frozen=True, slots=True)
class Group:
    """Scenarios that are shown together.

    Args:
        name: for --groups.
        title: of its section.
        about: what is run.
        cases: takes the data folder and whether the run is quick.
        draw: writes a picture into a folder and returns its Markdown; None for no picture.
        figure: what the picture shows, as a table; None for none.
    """

    name: str
    title: str
    about: str
    cases: Callable[[Path, bool], list[Case]]
    draw: Draw | None = None
    figure: Callable[[Sequence[Row]], list[Row]] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Figures that are not days lived by policies.

    Args:
        name, title, about, draw: see Group.
        make: takes the data folder and whether the run is quick; all rows have the same names.
    """

    name: str
    title: str
    about: str
    make: Callable[[Path, bool], list[Row]]
    draw: Draw | None = None


GROUPS: Sequence[Group] = (
    Group(
        "figure13",
        "Figure 13: a day of faces and scenes",
        "The authors' face requests and connectivity s3 and scene requests; 1800 J and $0.0667 for ten "
        "hours, 3.8 mJ to send, variants D0, D6 and D10 for faces and the four for scenes. The "
        "attributes of a face ride free on its prefix and are not counted. `as published`: fixed "
        "frequencies, a new choice applies at once, no admission.",
        lambda data, _: figure13(data / _PUBLISHED),
        draw_figure13,
    ),
    Group(
        "grid",
        "Grid: send cost, energy, variants, connectivity",
        "The same world with .0038, .1, .3, .5 and .9 J to send, 1800 and 6840 J, three and all thirteen "
        "face variants, and the connectivity and faces of s1, s2 and s3.",
        lambda data, quick: grid(data / _PUBLISHED, quick),
    ),
    Group(
        "memory",
        "Memory: the grid with 400 and 100 MB",
        "The scene variants have no published size: 218 MB for the largest, the others in proportion to "
        "their load time.",
        lambda data, quick: memory(data / _PUBLISHED, quick),
    ),
    Group(
        "days",
        "Days: up to fifteen apps on three input types",
        "Twelve days drawn at random, with shared trunks, weights, skew, bursts, night, links that come "
        "and go, and a processor that binds at times; and six made of published traces: minutes that "
        "people's phones recorded, link speeds, faces in films and shows, objects in first-person videos.",
        lambda data, quick: [*generated_days(quick), *real_days(data / "traces", quick)],
    ),
    Group(
        "figure11",
        "Figure 11 in kind: ever more models in 600 MB",
        "One request a second for ten hours, spread at random over more and more models, in three ways for "
        "each number of models; device only, 2.3 J a request. The published catalogs (faces, objects "
        "by AlexNet, scenes, objects by VGG) take turns. Missing sizes: 218, 280 and 529 MB for the "
        "largest scene and object variants, the others in proportion to their load time. Load rate: bytes "
        "that the largest models load under least-recently-used eviction. Loads take energy and no time; "
        "runs take theirs, and an answer that waited for others and comes after more than a second counts "
        "as unserved. `best-static` is the knee of each curve.",
        lambda data, quick: figure11(data / _PUBLISHED, quick),
        draw_figure11,
        figure11_table,
    ),
    Group(
        "figure12",
        "Figure 12 in kind: send cost and specialised time",
        "Faces every five seconds for ten hours, always connected, 1800 J, $0.0667, all face variants; for a "
        "share of each half hour seven classes make up 90 % of the faces and the published specialised "
        "variants may go first. The published rule knows no contexts: `mcdnn2016 specialising` is told what "
        "its options are worth whenever the context changes. No device variant lasts for all requests, so "
        "that `best-static` answers none and gap closed is the share of the bound.",
        lambda data, quick: figure12(data / _PUBLISHED, quick),
        draw_figure12,
        figure12_table,
    ),
)

FIGURE_TABLES: Sequence[Table] = (
    Table(
        "figure10",
        "Figure 10: what one request for a face costs at the device",
        "The published variants alone, behind a prefix that another app runs anyway, and specialised to "
        "seven classes that make up 90 % of what is seen (accuracy on such a stream).",
        lambda data, _: figure10(data / _PUBLISHED),
        draw_figure10,
    ),
    Table(
        "speed",
        "Speed: a simulated request, plans, memory",
        "Processor time in units of SimPy's bare events of the same process; plans excluded. Fifteen apps, "
        "five on each of three input types with thirty trunks each, device and cloud; windows of the three "
        "types in turn over ten hours, always connected, under paced.",
        speed,
    ),
    Table(
        "same_code",
        "Same code: a live run replayed and simulated",
        "A digit camera lives under paced on a budget that the most accurate models would use up half way. "
        "(a) Its decision log, replayed to a fresh policy. (b) Its recorded requests, simulated from the "
        "medians of the catalog's profile, measured just before and just after; what extraction took is "
        "taken from the run.",
        same_code,
    ),
)
