from __future__ import annotations

import logging

import pytest

from engine.broken_pieces import BrokenPieces, without_pieces
from tests.scheduling_problems import app, shared_trunks

PROBLEM = shared_trunks([app("who"), app("odd")])


def test_a_piece_is_tried_again_after_ever_longer_pauses_up_to_an_hour() -> None:
    broken, now, pauses_s = BrokenPieces(), 0.0, []
    for _ in range(12):
        broken.note("large", "large is broken", now)
        assert broken.set_aside(now) == {"large"}
        pause_s = next(s for s in range(1, 4000) if not broken.set_aside(now + s))
        pauses_s.append(pause_s)
        now += pause_s
    assert pauses_s == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]


def test_every_failure_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    BrokenPieces().note("large", "large.onnx: damaged", 0.0)
    assert [(r.levelno, r.message) for r in caplog.records] == [
        (logging.ERROR, "large.onnx: damaged: its variants are set aside for 10 s")
    ]


def test_only_what_needs_the_piece_is_left_out() -> None:
    usable = without_pieces(PROBLEM, frozenset({"large", "small.odd"}))
    variants = {name: [o.variant for o in options] for name, options in usable.options.items()}
    assert variants == {"who": ["middle/who", "small/who"], "odd": ["middle/odd"]}
    assert without_pieces(PROBLEM, frozenset()) is PROBLEM


def test_an_app_that_has_nothing_left_is_told_why() -> None:
    broken = BrokenPieces()
    for trunk in ("large.who", "middle.who", "small.who"):
        broken.note(trunk, f"{trunk} is damaged", 0.0)
    usable = without_pieces(PROBLEM, broken.set_aside(0.0))
    assert broken.why_unserved(PROBLEM, usable) == {"who": "set aside: large.who is damaged"}
