"""The compiler: from a request to a catalog, continued where an earlier run ended."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from catalog.compiler.begun_catalog import (
    begun_catalog,
    check_continues,
    claimed,
    sound_outcomes,
    tried_names,
)
from catalog.compiler.compile_log import CompileLog, CompilePlan, Today
from catalog.compiler.events import (
    DataJoined,
    DataPrepared,
    JpegStarted,
    MeasuringStarted,
    ModelsTried,
    Observer,
    Planned,
    SearchStarted,
    TechniqueSkipped,
)
from catalog.compiler.fingerprint import fingerprint, package_versions
from catalog.compiler.jpeg_measuring import untried_trunks, with_jpeg_trials
from catalog.compiler.outcomes import Outcome
from catalog.compiler.planning import catalog_tasks, plan_candidates, skipped_techniques
from catalog.compiler.pool import ListedQueue, WorkerPool
from catalog.compiler.rehearsal import Trial, trials
from catalog.compiler.request import CompileRequest
from catalog.compiler.search_record import SearchLimits, SearchRecord
from catalog.compiler.search_space import search_space
from catalog.compiler.searching import Search, search_record
from catalog.compiler.share_depths import plan_share_depths
from catalog.compiler.workplace import Workplace
from catalog.datasets.joining import join_training
from catalog.datasets.prepared_data import PreparedData, WindowFolder
from catalog.datasets.preparing import WindowsWanted, prepare
from catalog.errors import BadInput, CatalogError, MissingExtra, RunFailed
from catalog.measured_calls import Clock
from catalog.measuring import MeasuringPlan, measure
from catalog.store import Catalog, CatalogWriter, open_catalog
from catalog.tasks import Task
from catalog.transforms.recipe import Candidate
from catalog.variants import Variant


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a compile needs of its surroundings; none of it changes parts or heads.

    Args:
        jobs: processes that train side by side.
        clock: seconds, monotonic, for measuring.
        today: the time now as ISO 8601, UTC.
        measuring: how the finished catalog is measured.
    """

    jobs: int
    clock: Clock
    today: Today
    measuring: MeasuringPlan = field(default_factory=MeasuringPlan)


def compile_catalog(
    request: CompileRequest,
    root: Path,
    resume: bool,
    conditions: Conditions,
    observe: Observer,
    limits: SearchLimits | None = None,
) -> Catalog:
    """Compile into a folder and open the result; what is finished is on disk at every moment.

    Part and head ids depend on the request, the data and the packages alone: not on the number of
    jobs, and not on how often the compile was ended and resumed. A search for which more than
    searching.LEAST_AHEAD jobs work takes its decisions with less knowledge, and other ones.

    Args:
        limits: of a search among combinations of sizes and techniques; None to go on with a search that
            the folder holds, or, where it holds none, to make what the request lists. Trunks of which a
            task needs last parts to itself follow the search, outside its limits.

    Raises:
        BadInput: the request, its data or the folder is wrong; see claimed and check_continues.
        ModelError: a model cannot be used, see rehearsal.
        MissingExtra: torch is not installed.
        RunFailed: no trunk at all could be made, or the disk cannot be written.
    """
    check_surroundings(conditions.jobs)
    for technique, reason in skipped_techniques(request).items():
        observe(TechniqueSkipped(technique, reason))
    listed, depths = plan_candidates(request), plan_share_depths(request)
    with claimed(root, resume) as work:
        before = begun_catalog(root)
        outcomes = {} if before is None else sound_outcomes(before)
        record = search_record(root, limits, conditions.jobs)
        space = () if record is None else search_space(request)
        candidates = (*(listed if record is None else (c.candidate for c in space)), *depths)
        missing = [c for c in candidates if c.name not in outcomes]
        with WorkerPool(min(conditions.jobs, len(missing))) as pool:
            _try_out(trials(request, missing), pool, observe)
            prepared = _prepare(request, candidates, work, conditions.jobs, observe)
            plan = _plan(request, root, work, candidates, prepared)
            _join(plan, observe)
            if before is not None:
                marks = {plan.fingerprint}
                if record is None and before.contents.compiled.complete:
                    known = _known(candidates, depths, tried_names(before.contents))
                    marks.add(_mark(request, known, plan.place.tasks, prepared))
                check_continues(before.contents, root, marks, plan.versions)
            log = CompileLog(plan, outcomes, conditions.today)
            if record is None:
                _make_missing(plan, plan.candidates, log, pool, observe)
            else:
                search = Search(plan.place, space, record, conditions.clock)
                _search(search, record, plan, log, pool, observe, outcomes)
                _make_missing(plan, depths, log, pool, observe)
        _measure(root, conditions, observe)
        log.revise(_jpeg_tried(plan.place, conditions, observe))
        log.write(complete=True)
    shutil.rmtree(work, ignore_errors=True)
    return open_catalog(root, verify=False)


def check_surroundings(jobs: int) -> None:
    """Refuse what no compile could begin with.

    Raises:
        BadInput: no process to train in.
        MissingExtra: torch is not installed.
    """
    if jobs < 1:
        raise BadInput(f"jobs {jobs}: expected at least 1")
    for package in ("torch", "onnxscript"):
        if find_spec(package) is None:
            raise MissingExtra(package, "compile", "compiling a catalog")


def _try_out(tried: Sequence[Trial], pool: WorkerPool, observe: Observer) -> None:
    """Refuse models that cannot be used before any image is read."""
    if tried:
        observe(ModelsTried(tuple(dict.fromkeys(t.architecture.arch for t in tried))))
        pool.rehearse(tried)


def _prepare(
    request: CompileRequest,
    candidates: Sequence[Candidate],
    work: Path,
    threads: int,
    observe: Observer,
) -> dict[str, PreparedData]:
    inputs = {i.name: i for i in request.input_types}
    prepared = {}
    for task in request.tasks:
        if task.data is None:
            continue
        sizes_px = tuple(sorted({c.size_px for c in candidates if c.input_type == task.input_type}))
        wanted = WindowsWanted(inputs[task.input_type], sizes_px, request.rendered_windows)
        try:
            data = prepare(task.data, wanted, request.seed, WindowFolder(work / task.name), threads)
        except BadInput as e:
            raise type(e)(f"task.{task.name}: {e}") from e
        prepared[task.name] = data
        observe(DataPrepared(task.name, data.windows, len(data.classes), data.skipped, data.unseen))
    return prepared


def _plan(
    request: CompileRequest,
    root: Path,
    work: Path,
    candidates: tuple[Candidate, ...],
    prepared: dict[str, PreparedData],
) -> CompilePlan:
    tasks = catalog_tasks(request, {name: data.classes for name, data in prepared.items()})
    place = Workplace(
        root,
        work,
        tasks,
        request.effort,
        request.seed,
        request.trunk_weights(),
        request.mirrored_alike,
    )
    skipped = skipped_techniques(request)
    mark = _mark(request, candidates, tasks, prepared)
    return CompilePlan(place, request.input_types, candidates, mark, package_versions(), skipped)


def _known(candidates: Sequence[Candidate], depths: Sequence[Candidate], tried: set[str]) -> list[Candidate]:
    """Return what an earlier compile had listed, if it listed less.

    Share depths that were not needed left no trace: they count where all that they come after does.
    """
    reached = set(tried)
    known = []
    for candidate in candidates:
        if candidate.name in tried or (candidate in depths and reached.issuperset(candidate.after)):
            reached.add(candidate.name)
            known.append(candidate)
    return known


def _mark(
    request: CompileRequest,
    candidates: Sequence[Candidate],
    tasks: Sequence[Task],
    prepared: Mapping[str, PreparedData],
) -> str:
    identities = {name: data.identity for name, data in prepared.items()}
    return fingerprint(request, candidates, tasks, identities, package_versions())


def _join(plan: CompilePlan, observe: Observer) -> None:
    """Put together the training windows of tasks that train the same trunks.

    Raises:
        DataError: a task of which no training window is left.
    """
    for input_type in plan.input_types:
        name = input_type.name
        trainers = [t.name for t in plan.place.trainers(name)]
        if len(trainers) < 2:
            continue
        own = [t.name for t in plan.place.tasks_on(name) if t.parent is None]
        sizes_px = sorted({c.size_px for c in plan.candidates if c.input_type == name})
        joined = join_training(
            [plan.place.folder(t) for t in trainers],
            [plan.place.folder(t) for t in own if t not in trainers],
            sizes_px,
            plan.place.joined_folder(name),
        )
        labelled = dict(zip(trainers, joined.labelled, strict=True))
        observe(DataJoined(name, joined.windows, labelled, joined.held_out))


def _make_missing(
    plan: CompilePlan, listed: Sequence[Candidate], log: CompileLog, pool: WorkerPool, observe: Observer
) -> None:
    if not listed:
        return
    log.write(complete=False)
    finished = log.finished()
    names = tuple(c.name for c in listed)
    observe(Planned(names, tuple(n for n in names if n in finished)))
    pool.make_all(plan.place, ListedQueue(listed, finished), log, observe)
    _check_made_any(log)


def _search(
    search: Search,
    record: SearchRecord,
    plan: CompilePlan,
    log: CompileLog,
    pool: WorkerPool,
    observe: Observer,
    outcomes: Mapping[str, Outcome],
) -> None:
    log.write(complete=False)
    search.begin(outcomes, log.finished())
    observe(SearchStarted(search.combinations, record.limits.max_candidates, len(outcomes)))
    pool.make_all(plan.place, search, log, observe)
    _check_made_any(log)


def _check_made_any(log: CompileLog) -> None:
    if not log.finished():
        name, reason = next(iter(log.failed.items()))
        raise RunFailed(f"no trunk could be made; {name}: {reason}")


def _measure(root: Path, conditions: Conditions, observe: Observer) -> None:
    """Measure the finished parts, unless an earlier run has come that far."""
    catalog = open_catalog(root, verify=False)
    try:
        known = catalog.measurements(conditions.measuring.device)
    except CatalogError:
        known = None
    parts = {p.id for p in catalog.contents.parts}
    heads = {h.id for h in catalog.contents.heads}
    if known is not None and parts <= {m.part for m in known.parts} and heads <= set(known.head_s):
        return
    observe(MeasuringStarted(len(parts)))
    measured = measure(catalog, conditions.measuring, conditions.clock, conditions.today())
    CatalogWriter(root).write_measurements(measured)


def _jpeg_tried(place: Workplace, conditions: Conditions, observe: Observer) -> dict[str, Variant]:
    """Measure what JPEG costs the trunks that are worth running, unless an earlier run has."""
    catalog = open_catalog(place.root, verify=False)
    trunks = untried_trunks(catalog, conditions.measuring.device)
    if not trunks:
        return {}
    observe(JpegStarted(len(trunks)))
    return with_jpeg_trials(catalog, place, trunks, conditions.jobs)
