from __future__ import annotations

import pytest

from cloud.messages import CatalogListing, OfferedTask, OfferedTrunk, OfferedVariant
from cloud.offering import Offering
from engine.offload import Question

WIDE, NARROW = Question("who", "wide/identity"), Question("who", "narrow/identity")
PARITY = Question("even", "wide/parity")


def listing(wide_part: str = "p1") -> CatalogListing:
    return CatalogListing(
        (),
        (OfferedTask("identity", "digit", ("0", "1")), OfferedTask("parity", "digit", ("even", "odd"))),
        (
            OfferedTrunk("wide", "digit", 16, (wide_part, "p2")),
            OfferedTrunk("narrow", "digit", 16, (wide_part, "p3")),
        ),
        (
            OfferedVariant("wide/identity", "identity", "wide", "h1", 0.9),
            OfferedVariant("wide/parity", "parity", "wide", "h2", 0.9),
            OfferedVariant("narrow/identity", "identity", "narrow", "h3", 0.8),
        ),
    )


@pytest.fixture
def offering() -> Offering:
    made = Offering()
    made.listed(listing(), "hash")
    return made


def run_s(offering: Offering) -> dict[str, float | None]:
    return {v.id: v.run_s for v in offering.offered}


def test_nothing_is_offered_before_a_listing() -> None:
    offering = Offering()
    assert (offering.catalog_hash, offering.offered) == ("", ())
    assert offering.head_ids((WIDE,)) == ("",)


def test_variants_are_known_by_their_parts_and_heads(offering: Offering) -> None:
    assert offering.catalog_hash == "hash"
    assert {v.id: (v.part_ids, v.head_id) for v in offering.offered} == {
        "wide/identity": (("p1", "p2"), "h1"),
        "wide/parity": (("p1", "p2"), "h2"),
        "narrow/identity": (("p1", "p3"), "h3"),
    }
    assert offering.head_ids((NARROW, Question("a", "other/identity"))) == ("h3", "")


def test_what_runs_the_same_parts_tells_the_time_of_all_that_was_asked(offering: Offering) -> None:
    offering.ran((WIDE, PARITY), 4, 0.04)
    assert run_s(offering) == {"wide/identity": 0.01, "wide/parity": 0.01, "narrow/identity": None}
    offering.ran((WIDE, NARROW), 1, 9.0)  # whose time it was is not known
    offering.ran((Question("a", "other/identity"),), 1, 9.0)
    assert run_s(offering) == {"wide/identity": 0.01, "wide/parity": 0.01, "narrow/identity": None}


def test_times_are_smoothed_and_small_changes_are_not_told(offering: Offering) -> None:
    offering.ran((NARROW,), 1, 0.010)
    before = offering.offered
    offering.ran((NARROW,), 1, 0.0101)
    assert offering.offered is before
    offering.ran((NARROW,), 1, 0.020)
    assert run_s(offering)["narrow/identity"] == pytest.approx(0.012, rel=0.01)


def test_what_could_not_be_answered_is_not_offered_until_it_is_restored(offering: Offering) -> None:
    offering.withdraw(["wide/identity"])
    assert [v.id for v in offering.offered] == ["wide/parity", "narrow/identity"]
    offering.restore(["wide/identity"])
    assert len(offering.offered) == 3
    offering.withdraw(["wide/identity"])
    offering.listed(listing(), "hash")
    assert len(offering.offered) == 3


def test_another_catalog_keeps_the_times_of_parts_that_stay(offering: Offering) -> None:
    offering.ran((WIDE,), 1, 0.010)
    offering.listed(listing(), "second")
    assert run_s(offering)["wide/identity"] == 0.010
    offering.listed(listing("p9"), "third")
    assert run_s(offering)["wide/identity"] is None
