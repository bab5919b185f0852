"""mcdnn run: answer the apps of a configuration on a camera, a video or a folder of images."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import BadInput, McdnnError, MissingExtra

if TYPE_CHECKING:
    from engine.snapshot import Snapshot
    from engine.sources.choosing import OpenSource
    from engine.sources.protocol import Source
    from engine.summary import Summary
    from mcdnn.engine import Engine
    from mcdnn.engine_file import EngineFile

_STOP_S = 20.0
_FULL_AGAIN = "the next run begins with a full budget: the configuration names no folder for its state"
_EXAMPLE = """examples:
  mcdnn run ENGINE.toml --out results.jsonl --video annotated.mp4
  mcdnn run ENGINE.toml --source clip.mp4 --duration 60 --policy original
  mcdnn run ENGINE.toml --source "digits:?seed=7&seconds=30"
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "run",
        help="answer apps on a camera, a video or a folder of images",
        description=__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", nargs="?", type=Path, metavar="ENGINE.toml")
    _add_in_place_of_the_file(parser)
    _add_records(parser)
    _add_watching(parser)
    parser.add_argument("--json", action="store_true", help="print the closing summary as JSON")
    parser.add_argument("--print-schema", action="store_true", help="print the JSON schema of ENGINE.toml")


def _add_in_place_of_the_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source",
        metavar="URI",
        help="instead of those of ENGINE.toml: file, folder, camera index, rtsp://... or digits:",
    )
    parser.add_argument(
        "--duration", type=float, metavar="S", help="end after so many seconds of the source's clock"
    )
    parser.add_argument(
        "--policy",
        metavar="NAME",
        help="instead of that of ENGINE.toml: paced, mcdnn2016, best-static, original, client-only, "
        "server-first or server-only",
    )
    parser.add_argument(
        "--specialize",
        action=argparse.BooleanOptionalAction,
        help="train heads for the few classes that are being seen, or never do; instead of ENGINE.toml",
    )
    parser.add_argument(
        "--motion-gate",
        action=argparse.BooleanOptionalAction,
        help="pass over frames in which nothing has changed, or never; instead of ENGINE.toml",
    )
    parser.add_argument(
        "--tracking",
        action=argparse.BooleanOptionalAction,
        help="let answers stand along tracks for a while, or never; instead of ENGINE.toml",
    )


def _add_records(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="FILE.jsonl", help="write results as JSON lines")
    parser.add_argument("--video", type=Path, metavar="FILE.mp4", help="write an annotated video a source")
    parser.add_argument(
        "--record", type=Path, metavar="DIR", help="record requests and costs, for mcdnn simulate"
    )
    parser.add_argument(
        "--decisions", type=Path, metavar="FILE.jsonl", help="write what the policy was asked and answered"
    )
    parser.add_argument(
        "--explain", action="store_true", help="with --decisions: and why it took no other option"
    )


def _add_watching(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--metrics", metavar="HOST:PORT", help="answer Prometheus there about the run (needs the extra cloud)"
    )
    parser.add_argument(
        "--log",
        choices=("text", "json"),
        default="text",
        help="lines on standard error for people, or one JSON object a line (default: %(default)s)",
    )
    parser.add_argument(
        "--web",
        metavar="[HOST]:PORT",
        help="show the run in browsers there, :PORT to this machine alone (needs the extra web)",
    )
    parser.add_argument(
        "--web-token-file",
        type=Path,
        metavar="FILE",
        help="with --web: let in who has a token of this file, one NAME:TOKEN a line",
    )


def run(args: argparse.Namespace) -> int:
    """Run until all sources have ended, time is up, or Ctrl-C or SIGTERM comes.

    Raises:
        BadInput: the configuration, the catalog or the source is wrong.
        SourceBroke: the source broke in mid-stream.
        SinkError: results can no longer be written.
    """
    from mcdnn.engine_file import schema
    from mcdnn.reloading import Reloading
    from mcdnn.run_signals import reloaded_by_hangup
    from mcdnn.service_manager import supervision_here
    from mcdnn.supervised_run import SupervisedRun

    if args.print_schema:
        print(schema())
        return 0
    engine, title = _engine(args)
    duration_s = float("inf") if args.duration is None else args.duration
    with (
        _told_to_prometheus(args.metrics) as tell,
        _shown_in_browsers(args, engine, title) as show,
        SupervisedRun(supervision_here(), engine.silent_s) as supervised,
    ):

        def begin(summary: Summary) -> None:
            tell(summary)
            show(summary)
            supervised.begin(summary)

        sources = engine.open_sources(args.source)
        try:
            _add_sinks(engine, args, [opened.source.name for opened in sources])
        except BadInput:
            for opened in sources:
                opened.source.close()
            raise
        with (
            Reloading(engine, lambda: _read_file(args), supervised) as reloading,
            reloaded_by_hangup(reloading.ask),
        ):
            snapshot = watch(engine, sources, duration_s, title, args.json, begin, supervised.stopping)
    if not engine.keeps_state and snapshot.standing.budget.is_limited:
        print(_FULL_AGAIN, file=sys.stderr if args.json else sys.stdout)
    if args.json:
        from mcdnn.closing_summary import summary_to_json

        print(json.dumps(summary_to_json(snapshot), indent=2, allow_nan=False))
    return 0


def _engine(args: argparse.Namespace) -> tuple[Engine, str]:
    """Return the configured engine, and what to call the run."""
    from engine.scheduling.policies.table import POLICIES
    from mcdnn.engine import Engine

    if args.config is None:
        raise BadInput("no configuration: give the path of an ENGINE.toml (mcdnn run --help shows examples)")
    if args.duration is not None and not args.duration > 0.0:
        raise BadInput(f"--duration {args.duration:g}: expected a positive number of seconds")
    if args.policy is not None and args.policy not in POLICIES:
        raise BadInput(f"--policy {args.policy}: expected one of {', '.join(sorted(POLICIES))}")
    if args.explain and args.decisions is None:
        raise BadInput("--explain: goes into the decision log: give --decisions FILE.jsonl too")
    file = _read_file(args)
    return Engine(file), f"{args.config} {file.policy}"


def _read_file(args: argparse.Namespace) -> EngineFile:
    """Read the configuration, in which the command line has the last word.

    Raises:
        BadInput: it is wrong.
    """
    from mcdnn.engine_file import read_engine_file
    from mcdnn.gating_wiring import with_switches

    file = read_engine_file(args.config)
    if not file.app:
        raise BadInput(f"{file.where}: no app: add an [[app]] with a name and a task")
    asked = {"policy": args.policy, "specialize": args.specialize}
    file = file.model_copy(update={k: v for k, v in asked.items() if v is not None})
    return with_switches(file, args.motion_gate, args.tracking)


def _add_sinks(engine: Engine, args: argparse.Namespace, sources: Sequence[str]) -> None:
    """Add what was asked for; what is refused without touching a file comes first."""
    from engine.scheduling.problem_json import problem_to_json
    from engine.sinks.annotated_video import AnnotatedVideoSink
    from engine.sinks.json_lines import JsonLinesSink
    from engine.sinks.per_source import PerSource
    from engine.sinks.recorder import Recorder

    if args.video is not None:
        videos = {
            source: AnnotatedVideoSink(path, energy_left_j=engine.energy_left_j)
            for source, path in zip(sources, _video_paths(args.video, sources), strict=True)
        }
        engine.add_sink(PerSource(videos))
    if args.record is not None:
        costs = lambda: problem_to_json(engine.problem)  # noqa: E731 - known at the end
        engine.add_sink(Recorder(args.record, engine.classes_of, costs, engine.cloud_connected))
    if args.out is not None:
        engine.add_sink(JsonLinesSink(args.out))
    if args.decisions is not None:
        engine.log_decisions(args.decisions, explained=args.explain)


def _video_paths(path: Path, sources: Sequence[str]) -> list[Path]:
    """Return where the video of each source goes: beside one another where there are several."""
    if len(sources) == 1:
        return [path]
    names = (re.sub(r"[^A-Za-z0-9-]+", "_", Path(source).stem)[:80] for source in sources)
    return [path.with_name(f"{path.stem}-{i}-{name}{path.suffix}") for i, name in enumerate(names, 1)]


def watch(
    engine: Engine,
    source: str | Source | tuple[OpenSource, ...] | None,
    duration_s: float,
    title: str,
    to_stderr: bool = False,
    on_start: Callable[[Summary], None] = lambda _: None,
    on_stop: Callable[[], None] = lambda: None,
) -> Snapshot:
    """Run an engine with a live table in the terminal and print the closing summary.

    Ctrl-C and SIGTERM end the run after the frame in work, with all that is under way answered and
    written, or after 20 s at the latest; a second one ends it at once, whatever is not written yet.
    A source or sink that breaks still gets its closing summary before the error is
    raised.
    """
    from mcdnn.closing_summary import print_closing_summary, text_console
    from mcdnn.live_table import live_table
    from mcdnn.run_signals import ended_by_signals

    def stop() -> None:
        on_stop()
        engine.stop()

    console = text_console(sys.stderr if to_stderr else sys.stdout)
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals(stop, _STOP_S))
        summaries: list[Summary] = []

        def show(summary: Summary) -> None:
            summaries.append(summary)
            on_start(summary)
            stack.enter_context(live_table(lambda: summary.latest, console, title))

        try:
            snapshot = engine.run(source, duration_s, show)
        except McdnnError:
            stack.close()
            if summaries and summaries[0].latest.frames:
                print_closing_summary(summaries[0].latest, console, title)
            raise
    print_closing_summary(snapshot, console, title)
    return snapshot


@contextmanager
def _told_to_prometheus(listen: str | None) -> Iterator[Callable[[Summary], None]]:
    """Answer at an address about the run whose summary is given to what this gives.

    Raises:
        BadInput: the address is malformed or taken, or nobody would find it.
        MissingExtra: the package for it is not installed.
    """
    if listen is None:
        yield lambda _: None
        return
    from cloud.endpoint import parse_endpoint

    where = parse_endpoint(listen, "--metrics")
    if where.port == 0:
        raise BadInput(f"--metrics {listen}: give the port at which it is to be found")
    try:
        from cloud.metrics_page import exposed
        from mcdnn.run_metrics import RunMetrics
    except ModuleNotFoundError as e:
        raise MissingExtra(e.name or "a package", "cloud", "--metrics") from e
    metrics = RunMetrics()
    with exposed(metrics.registry, where):
        yield metrics.follow


@contextmanager
def _shown_in_browsers(
    args: argparse.Namespace, engine: Engine, title: str
) -> Iterator[Callable[[Summary], None]]:
    """Show browsers the run whose summary is given to what this gives.

    Raises:
        BadInput: see page_of.
        MissingExtra: the packages for it are not installed.
    """
    if args.web is None:
        if args.web_token_file is not None:
            raise BadInput("--web-token-file: tokens are for the page: give --web [HOST]:PORT too")
        yield lambda _: None
        return
    try:
        from mcdnn.web.opening import page_of
    except ModuleNotFoundError as e:
        raise MissingExtra(e.name or "a package", "web", "--web") from e
    with page_of(engine, title, args.web, args.web_token_file) as page:
        if args.log == "text":
            print(f"mcdnn run: page at http://{page.at}/", file=sys.stderr)
        yield page.follow
