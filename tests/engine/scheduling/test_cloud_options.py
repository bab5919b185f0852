"""What a cloud adds to a device's problem, on a real catalog: options, prices, and what stands by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.devices import DeviceProfile, RadioProfile
from catalog.store import Catalog
from engine.offload import ExpectedPicture, OfferedVariant
from engine.scheduling.catalog_problem import problem_from_catalog
from engine.scheduling.cloud_options import (
    CloudOffer,
    CloudPrices,
    expected_link,
    with_cloud,
    without_cloud,
)
from engine.scheduling.configuration_space import ConfigurationSpace
from engine.scheduling.kinds import Kind
from engine.scheduling.problem import (
    App,
    Budget,
    Link,
    Option,
    Place,
    Problem,
    configuration_cost,
    worst_latency_s,
)
from engine.scheduling.problem_json import problem_from_json, problem_to_json

PROFILE = DeviceProfile("rig", "made up", 0.0, 10.0)
WHO = App("who", "identity", "digit", latency_limit_s=0.5)
ODD = App("odd", "parity", "digit", latency_limit_s=0.5)
SIDES = {"wide": 16, "narrow": 16, "small": 8}
RAW = {16: 768.0, 8: 192.0}


def at_device(catalog: Catalog, *apps: App, memory_bytes: float = float("inf")) -> Problem:
    budget = Budget(memory_bytes=memory_bytes)
    return problem_from_catalog(catalog, apps or (WHO, ODD), budget, PROFILE, catalog.measurements())


def listing(catalog: Catalog, run_s: float | None = None) -> tuple[OfferedVariant, ...]:
    return tuple(
        OfferedVariant(v.id, catalog.trunks[v.trunk].parts, v.head, run_s) for v in catalog.variants.values()
    )


def pictures(catalog: Catalog, sizes: dict[int, float], loss: float = 0.0) -> dict[str, ExpectedPicture]:
    sides = {v.id: SIDES[v.trunk] for v in catalog.variants.values()}
    return {v: ExpectedPicture(sizes[side], loss) for v, side in sides.items()}


def offer(catalog: Catalog, lost_share: float = 0.0, **changes: object) -> CloudOffer:
    known = CloudOffer(
        listing(catalog), Link(round_trip_s=0.02), lost_share, CloudPrices(), pictures(catalog, RAW)
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def away(problem: Problem, app: str = "who") -> list[Option]:
    return [o for o in problem.options[app] if o.needs_cloud]


def test_every_variant_that_is_listed_alike_can_be_asked_for(built_catalog: Catalog) -> None:
    problem = with_cloud(at_device(built_catalog), built_catalog, offer(built_catalog))
    whole = [o.variant for o in away(problem) if len(o.stages) == 1]
    assert whole == ["wide/identity", "narrow/identity", "small/identity"]
    assert all(o.place is Place.CLOUD for o in away(problem))


def test_a_variant_with_another_head_or_other_parts_is_not_asked_for(built_catalog: Catalog) -> None:
    wide, *others = listing(built_catalog)
    assert wide.id == "wide/identity"
    for other in (replace(wide, head_id="else"), replace(wide, part_ids=wide.part_ids[:1])):
        known = offer(built_catalog, offered=(other, *others))
        problem = with_cloud(at_device(built_catalog), built_catalog, known)
        assert "wide/identity" not in {o.variant for o in away(problem)}


def test_the_network_is_split_only_where_that_is_less_to_send(built_catalog: Catalog) -> None:
    problem = with_cloud(at_device(built_catalog), built_catalog, offer(built_catalog))
    (split,) = [o for o in away(problem) if len(o.stages) == 2]
    assert split.variant == "small/identity"  # (4, 4, 4) in half precision: 128 of 192 bytes
    first, rest = split.stages
    assert (first.place, first.head, rest.place) == (Place.DEVICE, None, Place.CLOUD)
    assert first.parts + rest.parts == built_catalog.trunks["small"].parts
    whole = next(o for o in away(problem) if o.variant == "small/identity" and len(o.stages) == 1)
    assert whole.stages[0].up_bytes - rest.up_bytes == 192 - 128
    known = offer(built_catalog, pictures=pictures(built_catalog, {16: 1025.0, 8: 128.0}))
    jpeg = with_cloud(at_device(built_catalog), built_catalog, known)
    assert {o.variant for o in away(jpeg) if len(o.stages) == 2} == {"wide/identity", "narrow/identity"}


def test_what_the_picture_costs_is_taken_off_where_it_is_sent_and_nowhere_else(
    built_catalog: Catalog,
) -> None:
    known = offer(built_catalog, pictures=pictures(built_catalog, RAW, loss=0.01))
    problem = with_cloud(at_device(built_catalog), built_catalog, known)
    small = {o.where: o.accuracy for o in problem.options["who"] if o.variant == "small/identity"}
    assert small["at the cloud"] == pytest.approx(small["at the device"] - 0.01)
    assert small["at the cloud after 1 part at the device"] == small["at the device"]


def test_a_picture_that_costs_too_much_for_an_app_is_not_sent(built_catalog: Catalog) -> None:
    accuracy = built_catalog.variants["small/identity"].validation_accuracy
    who = replace(WHO, accuracy_floor=accuracy - 0.005)
    known = offer(built_catalog, pictures=pictures(built_catalog, RAW, loss=0.01))
    problem = with_cloud(at_device(built_catalog, who), built_catalog, known)
    small = [o.where for o in problem.options["who"] if o.variant == "small/identity"]
    assert small == ["at the device", "at the cloud after 1 part at the device"]


def test_every_way_to_run_a_variant_has_a_name_of_its_own(built_catalog: Catalog) -> None:
    problem = with_cloud(at_device(built_catalog), built_catalog, offer(built_catalog))
    small = [o.where for o in problem.options["who"] if o.variant == "small/identity"]
    assert small == ["at the device", "at the cloud", "at the cloud after 1 part at the device"]


def test_execution_is_priced_as_told_and_until_then_as_at_the_device(built_catalog: Catalog) -> None:
    prices = CloudPrices(usd_per_s=2.0, usd_per_byte=1e-3)
    for run_s, expected_s in ((None, 1.005e-3), (0.25, 0.25)):
        known = offer(built_catalog, offered=listing(built_catalog, run_s), prices=prices)
        problem = with_cloud(at_device(built_catalog), built_catalog, known)
        (stage,) = next(o for o in away(problem) if o.variant == "wide/identity").stages
        assert stage.run_s == pytest.approx(expected_s)
        moved = stage.up_bytes + stage.down_bytes
        assert stage.cost_usd == pytest.approx(2.0 * expected_s + 1e-3 * moved)


def test_what_stands_by_is_shared_held_and_reserved(built_catalog: Catalog) -> None:
    problem = with_cloud(at_device(built_catalog), built_catalog, offer(built_catalog, lost_share=0.1))
    who, odd = away(problem, "who")[0], away(problem, "odd")[0]
    assert who.standby is not None
    assert odd.standby is not None
    assert who.standby.parts == odd.standby.parts == built_catalog.trunks["wide"].parts
    assert set(who.standby.pieces) == set(who.device_pieces)
    alone = configuration_cost(problem, [who])
    worst_s = sum(problem.pieces[p].run_worst_s for p in who.standby.pieces)
    assert alone.worst_energy_j == pytest.approx(worst_s * 10.0)
    assert alone.energy_j == pytest.approx(0.1 * 1.005e-3 * 10.0)
    assert worst_latency_s(problem, who) == pytest.approx(0.02 + who.stages[0].run_s + worst_s)
    both = ConfigurationSpace(problem, Kind("digit", ("who", "odd"), "", True))
    assert set(who.device_pieces) <= both.device_pieces


def test_where_memory_is_short_something_small_stands_by(built_catalog: Catalog) -> None:
    everything = at_device(built_catalog)
    small = next(o for o in everything.options["who"] if o.variant == "small/identity")
    size = sum(everything.pieces[p].memory_bytes for p in small.device_pieces)
    problem = with_cloud(
        at_device(built_catalog, memory_bytes=1.2 * size), built_catalog, offer(built_catalog)
    )
    assert {o.standby.parts for o in away(problem) if o.standby} == {built_catalog.trunks["small"].parts}


def test_what_is_broken_does_not_stand_by(built_catalog: Catalog) -> None:
    last = built_catalog.trunks["wide"].parts[1]
    problem = with_cloud(at_device(built_catalog), built_catalog, offer(built_catalog), avoid={last})
    assert {o.standby.parts for o in away(problem) if o.standby} == {built_catalog.trunks["narrow"].parts}


def test_without_anything_that_stands_by_what_is_lost_is_not_answered(built_catalog: Catalog) -> None:
    hasty = replace(WHO, latency_limit_s=1e-6)
    problem = with_cloud(at_device(built_catalog, hasty), built_catalog, offer(built_catalog, lost_share=0.1))
    best = away(problem)[0]
    assert best.standby is None
    assert best.accuracy == pytest.approx(0.9 * 0.98)


def test_what_is_lost_is_as_accurate_as_what_stands_by(built_catalog: Catalog) -> None:
    broken = set(built_catalog.trunks["wide"].parts) | set(built_catalog.trunks["narrow"].parts)
    known = offer(built_catalog, lost_share=0.1)
    problem = with_cloud(at_device(built_catalog), built_catalog, known, avoid=broken)
    assert away(problem)[0].accuracy == pytest.approx(0.9 * 0.98 + 0.1 * 0.81)


def test_offering_again_replaces_and_taking_away_leaves_the_device(built_catalog: Catalog) -> None:
    here = at_device(built_catalog)
    once = with_cloud(here, built_catalog, offer(built_catalog))
    assert with_cloud(once, built_catalog, offer(built_catalog)) == once
    assert without_cloud(once) == here
    assert without_cloud(here) is here


def test_a_problem_with_a_cloud_survives_being_written(built_catalog: Catalog) -> None:
    problem = with_cloud(at_device(built_catalog), built_catalog, offer(built_catalog, lost_share=0.1))
    assert problem_from_json(problem_to_json(problem), "log") == problem


def test_a_radio_costs_its_whole_tail_until_it_was_measured() -> None:
    radio = RadioProfile(1e-6, 2e-6, 15.0, tail_w=0.5, tail_s=2.0)
    assert expected_link(radio, 0.02) == Link(1.0, 1e-6, 2e-6, 15.0, 0.02)
    assert expected_link(radio, 0.02, 40.0, 0.1) == Link(0.1, 1e-6, 2e-6, 40.0, 0.02)
    assert expected_link(None, 0.02) == Link(round_trip_s=0.02)
