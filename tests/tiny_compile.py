"""A request so small that compiling it takes seconds, with every kind of dependency between trunks."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from catalog.compiler.compiling import Conditions, compile_catalog
from catalog.compiler.events import Event, unobserved
from catalog.compiler.request import CompileRequest, ModelSpec, TaskSpec
from catalog.datasets.data_spec import DataSpec
from catalog.measuring import MeasuringPlan
from catalog.store import Catalog
from catalog.tasks import InputType, Resize
from catalog.transforms.recipe import Effort, Scale
from catalog.variants import Variant

DATE = "2026-01-01T00:00:00Z"
QUICK = MeasuringPlan(budget_s=0.2)
DIGIT = InputType("digit", size_px=16, resize=Resize.LETTERBOX, margin=0.12)
TASKS = (
    TaskSpec("identity", "digit", DataSpec("digits")),
    TaskSpec("parity", "digit", relabel={"even": tuple("02468"), "odd": tuple("13579")}),
)
SHARING = Scale(width=0.33, first_width=1.0)


def tiny_request(
    techniques: tuple[str, ...] = ("scale", "int8"), rendered_windows: int = 700, seed: int = 0
) -> CompileRequest:
    """Ask for a trunk of full size, one on its first part and one in int8."""
    model = ModelSpec(techniques=techniques, scales=(SHARING,))
    return CompileRequest((DIGIT,), TASKS, (model,), Effort(3, 3, 1), rendered_windows, seed)


def compile_tiny(
    request: CompileRequest,
    root: Path,
    resume: bool = False,
    jobs: int = 1,
    events: list[Event] | None = None,
) -> Catalog:
    """Compile with one process and a short measurement; what happens is appended to events."""
    conditions = Conditions(jobs, time.perf_counter, lambda: DATE, QUICK)
    return compile_catalog(request, root, resume, conditions, unobserved if events is None else events.append)


def without_trials(catalog: Catalog) -> list[Variant]:
    """The variants less what depends on times: pictures are tried on the front of what was measured."""
    return [replace(v, jpeg=()) for v in catalog.contents.variants]
