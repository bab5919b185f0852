from __future__ import annotations

import io

from rich.console import Console

from catalog.compiler.events import (
    CandidateFailed,
    CandidateFinished,
    CandidateProgress,
    CandidateStarted,
    DataJoined,
    DataPrepared,
    Event,
    MeasuringStarted,
    ModelsTried,
    Planned,
    TechniqueSkipped,
)
from catalog.training.schedule import Progress
from mcdnn.compile_display import LineDisplay, TerminalDisplay, open_display

STORY: list[Event] = [
    TechniqueSkipped("bf16", "no [such] processor"),
    ModelsTried(("faces:Net", "vgg")),
    DataPrepared(
        "who", 120, 3, tuple(f"[x]/{i}.jpg: an empty file" for i in range(7)), (("test", ("[c]",)),)
    ),
    DataJoined("face", 150, {"who": 100, "age": 60}, 4),
    Planned(("big", "small", "lost"), ("big",)),
    CandidateStarted("small"),
    CandidateProgress("small", Progress(1, 2, 0.5, 0.75)),
    CandidateFinished("small", {"who": 0.8, "[mood]": 0.9}),
    CandidateFailed("lost", "starts from [big], which failed"),
    MeasuringStarted(4),
]


def told(console: Console) -> str:
    with open_display(console) as display:
        for event in STORY:
            display(event)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_pipe_gets_one_line_an_event() -> None:
    console = Console(file=io.StringIO(), width=40)
    assert isinstance(open_display(console), LineDisplay)
    assert told(console).splitlines() == [
        "skipped: bf16: no [such] processor",
        "trying out faces:Net, vgg",
        "who: 120 windows of 3 classes",
        "who: 7 files cannot be read and are skipped:",
        *[f"  [x]/{i}.jpg: an empty file" for i in range(5)],
        "  and 2 more",
        "who: no test window of [c]: accuracy there says nothing about it",
        "face: 150 windows train its trunks, 100 with a label for who, 60 with a label for age; "
        "4 more are held out for another task",
        "3 trunks to make, 1 of them done before",
        "small: started",
        "small: epoch 1 of 2, loss 0.500, accuracy 75.0%",
        "small: finished: who 80.0%, [mood] 90.0%",
        "lost: failed: starts from [big], which failed",
        "measuring 4 parts",
    ]


def test_a_terminal_gets_bars_and_keeps_what_is_over() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    assert isinstance(open_display(console), TerminalDisplay)
    shown = told(console)
    assert "small: finished: who 80.0%, [mood] 90.0%" in shown
    assert "lost: failed: starts from [big], which failed" in shown
    assert "epoch 1 of 2" not in shown


def test_a_running_trunk_is_shown_with_its_loss() -> None:
    file = io.StringIO()
    with TerminalDisplay(Console(file=file, width=120, force_terminal=True)) as display:
        for event in STORY[:7]:
            display(event)
    assert "loss 0.50, accuracy 75.0%" in file.getvalue()
