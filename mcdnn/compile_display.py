"""What a compile shows: moving bars on a terminal, plain lines in a pipe."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from catalog.compiler.events import (
    CandidateFailed,
    CandidateFinished,
    CandidateProgress,
    CandidateStarted,
    CandidateStopped,
    DataJoined,
    DataPrepared,
    Event,
    JpegStarted,
    MeasuringStarted,
    ModelsTried,
    Planned,
    SearchStarted,
    TechniqueSkipped,
)
from mcdnn.quantities import share

_SHOWN_SKIPS = 5


class CompileDisplay(Protocol):
    """Shows events while it is entered."""

    def __enter__(self) -> CompileDisplay:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""

    def __call__(self, event: Event) -> None:
        """Show an event; see catalog.compiler.events.Observer."""


def open_display(console: Console) -> CompileDisplay:
    """Return the display that fits where the console writes."""
    return TerminalDisplay(console) if console.is_terminal else LineDisplay(console)


def lines_of(event: Event) -> list[str]:
    """Return an event in words, without markup."""
    match event:
        case TechniqueSkipped(technique, reason):
            return [f"skipped: {technique}: {reason}"]
        case ModelsTried(models):
            return [f"trying out {', '.join(models)}"]
        case DataPrepared(task, windows, classes, skipped, unseen):
            first = [f"{task}: {windows} windows of {classes} classes"]
            return first + _skips(task, skipped) + [_lack(task, split, names) for split, names in unseen]
        case DataJoined(input_type, windows, labelled, held_out):
            counts = ", ".join(f"{count} with a label for {task}" for task, count in labelled.items())
            left_out = f"; {held_out} more are held out for another task" if held_out else ""
            return [f"{input_type}: {windows} windows train its trunks, {counts}{left_out}"]
        case Planned(candidates, done):
            kept = f", {len(done)} of them done before" if done else ""
            return [f"{len(candidates)} trunks to make{kept}"]
        case CandidateStarted(name):
            return [f"{name}: started"]
        case CandidateProgress(name, p):
            return [f"{name}: epoch {p.epoch} of {p.epochs}, loss {p.loss:.3f}, accuracy {share(p.accuracy)}"]
        case CandidateFinished(name, accuracy):
            figures = ", ".join(f"{task} {share(value)}" for task, value in accuracy.items())
            return [f"{name}: finished: {figures}"]
        case CandidateFailed(name, reason):
            return [f"{name}: failed: {reason}"]
        case CandidateStopped(name, reason):
            return [f"{name}: {reason}"]
        case SearchStarted(combinations, most, tried):
            kept = f", {tried} of them made before" if tried else ""
            tries = "as many as there is time for" if most is None else f"at most {most}"
            return [f"{combinations} combinations to search, {tries}{kept}"]
        case MeasuringStarted(parts):
            return [f"measuring {parts} parts"]
        case JpegStarted(trunks):
            return [f"measuring what JPEG costs the accuracy of {trunks} trunks"]


def _lack(task: str, split: str, classes: tuple[str, ...]) -> str:
    more = f" and {len(classes) - _SHOWN_SKIPS} more" if len(classes) > _SHOWN_SKIPS else ""
    named = ", ".join(classes[:_SHOWN_SKIPS])
    return f"{task}: no {split} window of {named}{more}: accuracy there says nothing about it"


def _skips(task: str, skipped: tuple[str, ...]) -> list[str]:
    if not skipped:
        return []
    lines = [f"{task}: {len(skipped)} files cannot be read and are skipped:"]
    lines += [f"  {name}" for name in skipped[:_SHOWN_SKIPS]]
    return lines + ([f"  and {len(skipped) - _SHOWN_SKIPS} more"] if len(skipped) > _SHOWN_SKIPS else [])


class LineDisplay:
    """One line an event, for pipes and logs."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> LineDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing behind."""

    def __call__(self, event: Event) -> None:
        """Print an event."""
        for line in lines_of(event):
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class TerminalDisplay:
    """A bar over all trunks and one for each that is being made; what is over scrolls by above."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._bars: dict[str, TaskID] = {}
        self._whole: TaskID | None = None

    def __enter__(self) -> TerminalDisplay:
        self._progress.start()
        self._whole = self._progress.add_task("preparing windows", total=None, note="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Move a bar, or print what is over."""
        assert self._whole is not None
        match event:
            case Planned(candidates, done):
                self._progress.update(
                    self._whole, description="trunks", total=len(candidates), completed=len(done)
                )
            case SearchStarted(_, most, tried):
                self._progress.update(self._whole, description="trunks", total=most, completed=tried)
                self._print(event)
            case CandidateStarted(name):
                self._bars[name] = self._progress.add_task(name, total=None, note="")
            case CandidateProgress(name, p):
                note = f"loss {p.loss:.2f}, accuracy {share(p.accuracy)}"
                self._progress.update(self._bars[name], completed=p.epoch, total=p.epochs, note=note)
            case CandidateFinished(name, _) | CandidateFailed(name, _) | CandidateStopped(name, _):
                if name in self._bars:
                    self._progress.remove_task(self._bars.pop(name))
                self._progress.advance(self._whole)
                self._print(event)
            case MeasuringStarted():
                self._progress.update(self._whole, note="measuring")
            case JpegStarted():
                self._progress.update(self._whole, note="measuring what JPEG costs")
            case TechniqueSkipped() | ModelsTried() | DataPrepared() | DataJoined():
                self._print(event)

    def _print(self, event: Event) -> None:
        for line in lines_of(event):
            self._console.print(line, markup=False, highlight=False)
