"""The command line: `mcdnn COMMAND ...`.

Exit status: 0 done, 1 something failed while running, 2 bad input (one line says what and where).
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from catalog.errors import BadInput, McdnnError, MissingExtra
from mcdnn import __version__
from mcdnn.run_log import RunLog, goes_to_journal

_log = logging.getLogger(__name__)

_COMMANDS = ("demo", "compile", "catalog", "run", "serve", "simulate")


class _Parser(argparse.ArgumentParser):
    """Takes options as they are named: the beginning of one may be that of another one tomorrow."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each command's module adds its own."""
    parser = _Parser(
        prog="mcdnn",
        description="Keeps many vision apps running on a camera within a budget of energy, memory and money.",
        epilog="example: mcdnn demo --seconds 20 --out out/demo",
    )
    parser.add_argument("--version", action="version", version=f"mcdnn {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in _COMMANDS:
        importlib.import_module(f"mcdnn.commands.{name}").add_parser(subparsers)
    for command in subparsers.choices.values():
        command.add_argument(
            "-v", "--verbose", action="count", default=0, help="log more (twice: everything)"
        )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    args = make_parser().parse_args(argv)
    _say_where_it_was()
    logging.basicConfig(
        level=(logging.WARNING, logging.INFO, logging.DEBUG)[min(args.verbose, 2)],
        handlers=[RunLog(getattr(args, "log", "text"), goes_to_journal(os.environ, sys.stderr))],
    )
    try:
        command = importlib.import_module(f"mcdnn.commands.{args.command}")
        status: int = command.run(args)
        sys.stdout.flush()
    except (BadInput, MissingExtra) as e:
        return _end(args.command, e, 2)
    except McdnnError as e:
        return _end(args.command, e, 1)
    except KeyboardInterrupt:
        print(f"mcdnn {args.command}: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _let_go_of_stdout()
        return 1
    except OSError as e:  # a full disk behind standard output, say
        _let_go_of_stdout()
        return _end(args.command, e, 1)
    return status


def _say_where_it_was() -> None:
    """Have a process that is ended by its watchdog, or by native code, say where its threads were."""
    if sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)


def _end(command: str, error: Exception, status: int) -> int:
    """Say in one line what went wrong; the log has the rest."""
    print(f"mcdnn {command}: {error}", file=sys.stderr)
    _log.debug("%s", error, exc_info=error)
    return status


def _let_go_of_stdout() -> None:
    """Keep Python from flushing once more at its exit what cannot be written, and from complaining."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
