from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.compiler.request import CompileRequest, ModelSpec, TaskSpec
from catalog.compiler.share_depths import plan_share_depths
from catalog.datasets.data_spec import DataSpec
from catalog.errors import BadInput
from catalog.models.architecture import Architecture, WeightsFile
from catalog.tasks import InputType
from catalog.transforms.trained_trunks import LoadTrunk

FACE = InputType("face", size_px=16)
WHO, AGE, MOOD = (TaskSpec(n, "face", DataSpec(n)) for n in ("who", "age", "mood"))
ELDER = TaskSpec("elder", "face", relabel={"yes": ("old",), "no": ("young",)}, parent="age")


def request(*tasks: TaskSpec) -> CompileRequest:
    return CompileRequest((FACE,), tasks, (ModelSpec(techniques=()),))


def test_only_tasks_whose_data_trains_no_trunk_are_looked_at_unasked() -> None:
    assert request(WHO, ELDER_OF_WHO).share_losses("face") == {}
    assert request(WHO, AGE, ELDER).share_losses("face") == {"age": 0.02}
    together = request(WHO, replace(AGE, trunk_weight=1.0), MOOD)
    assert together.share_losses("face") == {"mood": 0.02}


def test_what_a_task_may_lose_can_be_said_or_given_up() -> None:
    asked = request(replace(WHO, share_loss=0.1), replace(AGE, trunk_weight=1.0, share_loss=0.0))
    assert asked.share_losses("face") == {"who": 0.1, "age": 0.0}
    assert request(WHO, replace(AGE, share_loss=1.0)).share_losses("face") == {}


ELDER_OF_WHO = replace(ELDER, parent="who")


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ((WHO, replace(AGE, share_loss=1.5)), r"task\.age\.share_loss = 1\.5: expected a share in \[0, 1\]"),
        (
            (WHO, AGE, replace(ELDER, share_loss=0.1)),
            "elder.share_loss: it has no windows of its own: task age",
        ),
        (
            (replace(WHO, share_loss=0.1), AGE),
            "who.share_loss: it loses nothing: the trunks of face are its own",
        ),
    ],
)
def test_a_loss_that_makes_no_sense_is_refused(tasks: tuple[TaskSpec, ...], expected: str) -> None:
    with pytest.raises(BadInput, match=expected):
        request(*tasks)


def test_less_is_shared_only_after_all_that_shares_more_and_a_trunk_that_shares_nothing() -> None:
    planned = plan_share_depths(request(WHO, AGE))
    base = "convnet-w100-d100-r16"
    whole = f"{base}-for-age"
    assert {c.name: c.after for c in planned} == {
        whole: (base,),
        f"{base}-own1-age": (base, whole),
        f"{base}-own2-age": (base, whole, f"{base}-own1-age"),
        f"{base}-own3-age": (base, whole, f"{base}-own1-age", f"{base}-own2-age"),
    }
    assert {c.task for c in planned} == {"age"}


def test_published_weights_are_fitted_to_the_task_that_gets_a_trunk_of_its_own() -> None:
    published = Architecture("convnet", weights=WeightsFile("published.pt", "0" * 64))
    whole = plan_share_depths(replace(request(WHO, AGE), models=(ModelSpec(published, ()),)))[0]
    assert whole.recipe == LoadTrunk(published, fine_tune=True)
