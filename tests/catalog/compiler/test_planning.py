from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.compiler.fingerprint import fingerprint, package_versions
from catalog.compiler.planning import catalog_tasks, plan_candidates, skipped_techniques
from catalog.compiler.request import OWN_TEACHER, CompileRequest, ModelSpec, TaskSpec
from catalog.compiler.search_space import search_space
from catalog.datasets.data_spec import DataSpec
from catalog.errors import BadInput
from catalog.models.architecture import Architecture, WeightsFile
from catalog.tasks import InputType
from catalog.transforms import bf16
from catalog.transforms.recipe import Effort, Scale
from catalog.transforms.trained_trunks import LoadResampled, LoadTrunk
from tests.tiny_compile import tiny_request

FIXED = "tests.catalog.compiler.architectures:fixed"


def names(request: CompileRequest) -> list[str]:
    return [c.name for c in plan_candidates(request)]


def test_every_technique_adds_its_trunks_after_what_they_start_from() -> None:
    planned = plan_candidates(tiny_request(("int8", "scale", "lowrank")))
    position = {c.name: k for k, c in enumerate(planned)}
    assert list(position) == [
        "convnet-w100-d100-r16",
        "convnet-w100-d100-r16-int8",
        "convnet-w100to33-d100-r16",
        "convnet-w100-d100-r16-lowrank",
    ]
    assert all(position[a] < position[c.name] for c in planned for a in c.after)


def test_names_tell_families_apart() -> None:
    models = (ModelSpec(techniques=()), ModelSpec(techniques=()), ModelSpec(Architecture(FIXED), ()))
    request = replace(tiny_request(), models=models)
    assert names(request) == ["convnet-1-w100-d100-r16", "convnet-2-w100-d100-r16", "fixed-w100-d100-r16"]


def test_names_tell_input_types_apart() -> None:
    request = tiny_request(())
    face = TaskSpec("who", "face", DataSpec("faces"))
    request = replace(
        request, input_types=(*request.input_types, InputType("face")), tasks=(*request.tasks, face)
    )
    assert names(request) == ["digit-convnet-w100-d100-r16", "face-convnet-w100-d100-r32"]


def test_an_architecture_of_one_size_cannot_be_scaled() -> None:
    with pytest.raises(BadInput, match="leave the technique scale out"):
        plan_candidates(replace(tiny_request(), models=(ModelSpec(Architecture(FIXED), ("scale",)),)))


def test_defaults_and_the_same_spelled_out_give_one_trunk_under_the_first_name() -> None:
    said = ("prune+int8", "prune:kept=0.5+int8", "lowrank:kept=0.5,energy=0.9", "lowrank:energy=0.9,kept=0.5")
    base = "convnet-w100-d100-r16"
    assert names(tiny_request(said)) == [
        base,
        *(f"{base}-{made}" for made in ("prune", "prune-int8", "lowrank50-e90")),
    ]


def test_a_search_knows_such_a_trunk_by_the_name_that_the_request_gives_it() -> None:
    space = [c.candidate.name for c in search_space(tiny_request(("prune:kept=0.5", "int8")))]
    assert "convnet-w100-d100-r16-prune50-int8" in space
    assert "convnet-w100-d100-r16-prune" not in space
    assert len(set(space)) == len(space)


def test_two_scales_of_one_name_are_refused() -> None:
    model = ModelSpec(techniques=("scale",), scales=(Scale(0.501), Scale(0.502)))
    with pytest.raises(BadInput, match="the same name"):
        plan_candidates(replace(tiny_request(), models=(model,)))


def test_relabelled_tasks_take_their_parents_classes() -> None:
    _, parity = catalog_tasks(tiny_request(), {"identity": tuple("0123456789")})
    assert parity.classes == ("even", "odd")
    assert parity.relabel == (0, 1) * 5


def mark(request: CompileRequest, data: str = "d", versions: dict[str, str] | None = None) -> str:
    tasks = catalog_tasks(request, {"identity": tuple("0123456789")})
    return fingerprint(request, plan_candidates(request), tasks, {"identity": data}, versions or {})


def test_the_fingerprint_changes_with_all_that_decides_what_comes_out() -> None:
    request = tiny_request()
    marks = [
        mark(request),
        mark(replace(request, seed=1)),
        mark(replace(request, mirrored_alike=frozenset({request.input_types[0].name}))),
        mark(replace(request, effort=Effort(9, 9, 9))),
        mark(tiny_request(("scale",))),
        mark(request, data="other"),
        mark(request, versions={"torch": "99"}),
        mark(replace(request, input_types=(replace(request.input_types[0], margin=0.5),))),
    ]
    assert len(set(marks)) == len(marks)
    assert mark(tiny_request()) == marks[0]


def test_the_fingerprint_does_not_care_where_data_lies() -> None:
    request = tiny_request()
    moved = replace(request.tasks[0], data=DataSpec("/elsewhere"))
    assert mark(replace(request, tasks=(moved, request.tasks[1]))) == mark(request)


def test_versions_are_found_without_importing_the_packages() -> None:
    before = "torch" in sys.modules
    assert package_versions()["torch"]
    assert ("torch" in sys.modules) == before


def test_trunks_learn_from_the_full_size_of_their_own_or_an_earlier_family_if_asked_to() -> None:
    large = ModelSpec(Architecture(FIXED), ())
    small = ModelSpec(techniques=("scale",), scales=(Scale(0.5),), teacher="fixed")
    planned = plan_candidates(replace(tiny_request(), models=(large, small)))
    assert [c.after for c in planned] == [(), ("fixed-w100-d100-r16",), ("fixed-w100-d100-r16",)]
    assert "distil from fixed-w100-d100-r16 T=4 share=0.7" in planned[1].lineage
    own = plan_candidates(replace(tiny_request(), models=(replace(small, teacher="own"),)))
    assert [c.after for c in own] == [(), ("convnet-w100-d100-r16",)]
    alone = plan_candidates(replace(tiny_request(), models=(replace(small, teacher="none"),)))
    assert [c.after for c in alone] == [(), ()]


def test_what_is_made_from_a_trunk_learns_from_the_teacher_of_its_family() -> None:
    chains = ("scale+prune+int8",)
    taught = ModelSpec(techniques=chains, scales=(Scale(0.5),), teacher=OWN_TEACHER, feature_weight=2.0)
    base, half, pruned, rounded = plan_candidates(replace(tiny_request(), models=(taught,)))
    assert (pruned.tutor, pruned.feature_weight) == (base.name, 2.0)
    assert pruned.after == (half.name, base.name)
    assert pruned.lineage[-1].endswith(f"taught by {base.name}")
    assert half.feature_weight == 2.0
    assert (rounded.tutor, rounded.after) == (None, (pruned.name,))

    untaught = ModelSpec(techniques=chains, scales=(Scale(0.5),))
    for candidate in plan_candidates(replace(tiny_request(), models=(untaught,))):
        assert candidate.tutor is None
        assert not {"tutor", "feature_weight"} & candidate.record().keys()


def test_a_search_takes_loaded_weights_to_lower_resolutions_only(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"weights")
    loaded = Architecture(FIXED, weights=WeightsFile.at(tmp_path / "w.pt"))
    request = replace(tiny_request(), models=(ModelSpec(loaded, ("scale",), ()),))
    recipes = [c.candidate.recipe for c in search_space(request)]
    assert [type(r) for r in recipes] == [LoadTrunk, LoadResampled, LoadResampled]
    assert [c.candidate.size_px for c in search_space(request)] == [16, 12, 8]


def test_a_teacher_that_does_not_stand_earlier_is_named() -> None:
    models = (ModelSpec(techniques=(), teacher="fixed"), ModelSpec(Architecture(FIXED), ()))
    with pytest.raises(BadInput, match="teacher = 'fixed': expected a model that stands earlier"):
        plan_candidates(replace(tiny_request(), models=models))


def test_what_this_machine_cannot_run_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    request = tiny_request(("lowrank+bf16", "bf16", "int8"))
    monkeypatch.setattr(bf16, "has_bf16", lambda: False)
    assert skipped_techniques(request) == {"bf16": "this processor does not multiply bfloat16 in hardware"}
    assert names(request) == [f"convnet-w100-d100-r16{made}" for made in ("", "-lowrank", "-int8")]
    monkeypatch.setattr(bf16, "has_bf16", lambda: True)
    assert skipped_techniques(request) == {}
