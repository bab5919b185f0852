from __future__ import annotations

import pytest

from catalog.errors import BadInput
from catalog.tasks import InputType, Resize, Task, relabelled

LETTERS = Task("letters", "glyph", ("a", "b", "c", "d"))


def test_an_input_type_keeps_what_it_is_given() -> None:
    assert InputType("face", 64, Resize.LETTERBOX, 0.25).margin == 0.25


@pytest.mark.parametrize("size_px", [7, 0, -1])
def test_an_input_type_of_too_few_pixels_is_refused(size_px: int) -> None:
    with pytest.raises(BadInput, match=rf"input\.face\.size = {size_px}: expected at least 8 pixels"):
        InputType("face", size_px)


@pytest.mark.parametrize("margin", [-0.01, 1.01, float("nan")])
def test_a_margin_that_is_no_share_is_refused(margin: float) -> None:
    with pytest.raises(BadInput, match=rf"input\.face\.margin = {margin}: expected a share"):
        InputType("face", 32, margin=margin)


@pytest.mark.parametrize("classes", [(), ("a",), ("a", "a"), ("a", "b", "a")])
def test_a_task_needs_different_classes(classes: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match=r"task\.letters: classes .*two or more, all different"):
        Task("letters", "glyph", classes)


def test_a_task_with_its_own_data_keeps_its_class_ids() -> None:
    assert LETTERS.data_task == "letters"
    assert [LETTERS.class_of(i) for i in range(4)] == [0, 1, 2, 3]


def test_a_relabelled_task_maps_every_class_of_its_parent() -> None:
    vowel = relabelled("vowel", LETTERS, {"no": ["d", "b", "c"], "yes": ["a"]})
    assert vowel.classes == ("no", "yes")
    assert vowel.input_type == "glyph"
    assert vowel.data_task == "letters"
    assert [vowel.classes[vowel.class_of(i)] for i in range(4)] == ["yes", "no", "no", "no"]


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ({"x": ["a", "z"], "y": ["b"]}, r"'z' is no class of letters \['a', 'b', 'c', 'd'\]"),
        ({"x": ["a", "b"], "y": ["b", "c", "d"]}, "'b' is given twice"),
        ({"x": ["a"], "y": ["b"]}, r"classes \['c', 'd'\] of letters are not given"),
        ({"x": ["a", "b", "c", "d"]}, "two or more"),
    ],
)
def test_a_relabelling_that_does_not_fit_is_told(groups: dict[str, list[str]], told: str) -> None:
    with pytest.raises(BadInput, match=rf"task\.vowel.*{told}"):
        relabelled("vowel", LETTERS, groups)
