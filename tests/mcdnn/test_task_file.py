from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.compiler.request import CompileRequest
from catalog.datasets.data_spec import DataSpec
from catalog.digits.digit_images import DIGIT, DIGIT_TASKS
from catalog.errors import BadInput
from catalog.tasks import InputType, Resize
from catalog.transforms.recipe import Scale
from mcdnn.task_file import parse_task_file, read_task_file, schema

WHOLE = """
[input.face]
size = 64
resize = "letterbox"
margin = 0.1
mirror = true

[task.who]
input = "face"
data = "faces"
split = [0.8, 0.1, 0.1]

[task.family]
input = "face"
relabel = { us = ["ann", "bob"], them = ["eve"] }
of = "who"

[task.mood]
input = "face"
data = "moods.csv"
trunk_weight = 0.5

[[model]]
arch = "convnet"
arguments = { depth = 1.0, channels = [16, 32, 48, 64] }
techniques = ["scale"]
[[model.scale]]
width = 0.5

[training]
seed = 7
epochs = 2
stored_features = 500
"""
LEAST = '[input.a]\n[task.t]\ninput = "a"\ndata = "x"\n'


def parsed(text: str) -> CompileRequest:
    return parse_task_file(text, "T.toml", Path("/here"))


def test_every_key_reaches_the_request() -> None:
    request = parsed(WHOLE)
    assert request.input_types == (InputType("face", 64, Resize.LETTERBOX, 0.1),)
    who, family, mood = request.tasks
    assert who.data == DataSpec("/here/faces", (0.8, 0.1, 0.1))
    assert family.relabel == {"us": ("ann", "bob"), "them": ("eve",)}
    assert family.parent == "who"
    assert (who.trunk_weight, mood.trunk_weight) == (None, 0.5)
    assert request.models[0].scales == (Scale(0.5),)
    assert request.models[0].architecture.arguments == (("channels", (16, 32, 48, 64)), ("depth", 1.0))
    assert request.mirrored_alike == frozenset({"face"})
    assert (request.seed, request.effort.epochs, request.effort.stored_features) == (7, 2, 500)


def test_relative_data_starts_at_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "T.toml").write_text(LEAST.replace('"x"', '"x"\nsplit = ["tr", "va", "te"]'))
    data = read_task_file(str(tmp_path / "T.toml")).tasks[0].data
    assert data is not None
    assert data.source == str(tmp_path / "x")
    assert data.paths == ("tr", "va", "te")


def test_absolute_data_stays_where_it_is() -> None:
    data = parsed(LEAST.replace('"x"', '"/data/x"')).tasks[0].data
    assert data is not None
    assert data.source == "/data/x"


def test_the_embedded_tasks_are_those_of_the_digit_camera() -> None:
    request = read_task_file("digits")
    assert request.input_types == (DIGIT,)
    assert [t.name for t in request.tasks] == [t.name for t in DIGIT_TASKS]
    for spec, task in zip(request.tasks[1:], DIGIT_TASKS[1:], strict=True):
        assert spec.relabel is not None
        assert tuple(spec.relabel) == task.classes
        for digit in range(10):
            assert str(digit) in spec.relabel[task.classes[task.class_of(digit)]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a =", "T.toml: not TOML"),
        ("", "T.toml: input: Field required"),
        (LEAST + "foo = 1", r"task\.t\.foo: no such key: expected one of input, data, split, relabel, of"),
        (
            "[input.a]\nsiz = 3\n" + LEAST[10:],
            r"input\.a\.siz: no such key: expected one of size, resize, margin, mirror",
        ),
        ("nothing = 1\n" + LEAST, "nothing: no such key: expected one of input, task, model, training"),
        ('[input.a]\nresize = "x"\n' + LEAST[10:], "resize: Input should be 'stretch' or 'letterbox'"),
        (LEAST + "split = [0.5, 0.6, 0.1]", r"task\.t\.split = .*with sum 1"),
        (LEAST + 'split = ["a", 0.6, 0.1]', r"task\.t\.split: .*or three paths"),
        (LEAST + 'of = "u"', r"task\.t\.of: given without relabel"),
        (
            LEAST + '[[model]]\ntechniques = ["squeeze"]',
            "technique 'squeeze': expected one of scale, prune",
        ),
        (
            LEAST + "[[model]]\n[[model.scale]]\nwidth = 3.0",
            r"model\.0\.scale\.0\.width: .*less than or equal to 1",
        ),
        (LEAST + "[[model]]\narguments = { channels = [16.5, 32] }", r"model\.0\.arguments\.channels"),
        (LEAST + "[training]\nepochs = 0", r"training\.epochs: .*greater than or equal to 1"),
        (LEAST + '[task.u]\ninput = "b"\ndata = "y"', r"task\.u\.input = 'b': expected one of \['a'\]"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_key(text: str, expected: str) -> None:
    with pytest.raises(BadInput, match=expected) as caught:
        parsed(text)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("T.toml: ")


def test_a_missing_file_is_named_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.toml: No such file .*: expected a TASKS\.toml, or digits"):
        read_task_file(str(tmp_path / "gone.toml"))


def test_the_schema_is_json() -> None:
    assert set(json.loads(schema())["properties"]) == {"input", "task", "model", "training"}
