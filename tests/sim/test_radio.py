from __future__ import annotations

import pytest

from engine.scheduling.problem import Link
from sim.radio import ExpectedRadio


def test_a_radio_as_expected_takes_what_the_link_says() -> None:
    link = Link(exchange_j=0.3, up_j_per_byte=1e-5, down_j_per_byte=2e-5)
    radio = ExpectedRadio(link)
    assert radio.up_j(0.0, 1.0, 1000) + radio.down_j(1.0, 2.0, 100) == pytest.approx(link.energy_j(1000, 100))
