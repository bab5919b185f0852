from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.compiler.request import CompileRequest, ModelSpec, TaskSpec
from catalog.datasets.data_spec import DataSpec
from catalog.errors import BadInput
from catalog.tasks import InputType

DIGIT = InputType("digit")
IDENTITY = TaskSpec("identity", "digit", DataSpec("digits"))
PARITY = TaskSpec("parity", "digit", relabel={"even": ("0",), "odd": ("1",)})


def request(*tasks: TaskSpec, inputs: tuple[InputType, ...] = (DIGIT,)) -> CompileRequest:
    return CompileRequest(inputs, tasks)


def test_the_first_task_of_an_input_type_leads() -> None:
    made = request(IDENTITY, PARITY)
    assert made.leading_task("digit") == IDENTITY
    assert made.parent_of(PARITY) == IDENTITY
    assert made.parent_of(IDENTITY) is None


def test_tasks_with_a_weight_train_trunks_together_with_the_first_of_their_input_type() -> None:
    face = InputType("face")
    age, beard = (TaskSpec(n, "face", DataSpec(n)) for n in ("age", "beard"))
    assert request(IDENTITY, age, beard, inputs=(DIGIT, face)).trunk_weights() == {}
    together = request(IDENTITY, age, replace(beard, trunk_weight=0.5), inputs=(DIGIT, face))
    assert together.trunk_weights() == {"age": 1.0, "beard": 0.5}
    alone = request(IDENTITY, replace(age, trunk_weight=3.0), beard, inputs=(DIGIT, face))
    assert alone.trunk_weights() == {}


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ((TaskSpec("x", "nose", DataSpec("digits")),), r"task.x.input = 'nose': expected one of \['digit'\]"),
        ((TaskSpec("x", "digit"),), "task.x: expected either data or relabel"),
        ((TaskSpec("x", "digit", DataSpec("d"), {"a": ("1",)}),), "expected either data or relabel"),
        ((PARITY, IDENTITY), "task.parity.relabel: task parity has no data of its own"),
        ((IDENTITY, IDENTITY), "one is given twice"),
        ((TaskSpec("a/b", "digit", DataSpec("d")),), "letters, digits"),
        ((IDENTITY, TaskSpec("p", "digit", relabel={"a": ("1",)}, parent="gone")), "task.p.of = 'gone'"),
        (
            (IDENTITY, PARITY, TaskSpec("again", "digit", relabel={"yes": ("0",), "no": ("1",)})),
            "asks the same as task",
        ),
        ((), "nothing to compile"),
        (
            (replace(IDENTITY, trunk_weight=0.0),),
            r"task\.identity\.trunk_weight = 0\.0: expected a finite number above 0",
        ),
        ((IDENTITY, replace(PARITY, trunk_weight=1.0)), r"trunk_weight: it has no windows of its own"),
    ],
)
def test_tasks_that_do_not_fit_together_are_named(tasks: tuple[TaskSpec, ...], expected: str) -> None:
    with pytest.raises(BadInput, match=expected):
        request(*tasks)


def test_an_input_type_without_a_task_is_named() -> None:
    with pytest.raises(BadInput, match=r"input\.face: no task"):
        request(IDENTITY, inputs=(DIGIT, InputType("face")))


def test_an_unknown_technique_is_named_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="technique 'squeeze': expected one of scale, prune"):
        ModelSpec(techniques=("squeeze",))
