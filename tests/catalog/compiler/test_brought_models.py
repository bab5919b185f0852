"""A user's own module, weights and data, from the task file to the catalog."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from catalog.compiler.events import Event, ModelsTried
from catalog.errors import BadInput, ModelError
from catalog.store import Catalog
from mcdnn.cli import main
from mcdnn.task_file import parse_task_file
from tests.tiny_compile import compile_tiny

MODULE = """
import torch
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
        self.fc = nn.Linear(6 * 16, classes)

    def forward(self, x):
        x = functional.relu(self.conv1(x))
        x = functional.relu(x + self.conv2(x))
        x = functional.max_pool2d(x, 4)
        return self.fc(x.view(x.size(0), -1))
"""
TASKS = """
[input.lamp]
size = 16
[task.lit]
input = "lamp"
data = "pictures"
[[model]]
arch = "brought.net:Net"
weights = "net.pt"
parts = ["conv1"]
techniques = ["int8"]
[model.pixels]
mean = 0.5
std = [0.5, 0.5, 0.5]
colour = "bgr"
[training]
tuning_epochs = 1
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a package, pictures of dark and lit lamps, and weights that tell them apart."""
    (tmp_path / "brought").mkdir()
    (tmp_path / "brought" / "__init__.py").touch()
    (tmp_path / "brought" / "net.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [n for n in sys.modules if n.partition(".")[0] == "brought"]:
        monkeypatch.delitem(sys.modules, name)  # of another test's folder
    rng = np.random.default_rng(0)
    for name, light in (("dark", 40), ("lit", 180)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for k in range(30):
            picture = rng.integers(light, light + 60, (16, 16, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / "pictures" / name / f"{k}.png"), picture)
    save(tmp_path, 1.0)
    return tmp_path


def save(project: Path, lit: float) -> None:
    """Store weights whose second class is the lit one, or the dark one where lit is negative."""
    torch.manual_seed(0)
    module = importlib.import_module("brought.net").Net(2)
    with torch.no_grad():
        for weights in module.parameters():
            weights.zero_()
        module.conv1.weight.fill_(0.05)
        module.fc.weight[1] = lit * 0.05
        module.fc.bias[1] = -lit * 1.2
    torch.save({"state_dict": {f"module.{k}": v for k, v in module.state_dict().items()}}, project / "net.pt")


def compiled(project: Path, tasks: str = TASKS, events: list[Event] | None = None) -> Catalog:
    return compile_tiny(parse_task_file(tasks, "T.toml", project), project / "catalog", events=events)


def heads(catalog: Catalog) -> dict[str, np.ndarray]:
    return {h.trunk: catalog.head_weights(h.id).weight for h in catalog.contents.heads}


def test_a_brought_model_keeps_its_head_and_can_be_compressed(project: Path) -> None:
    catalog = compiled(project)
    trunks = {t.name: t for t in catalog.contents.trunks}
    assert list(trunks) == ["Net-w100-d100-r16", "Net-w100-d100-r16-int8"]
    base = trunks["Net-w100-d100-r16"]
    assert len(base.parts) == 2
    assert base.lineage[0] == "load brought.net:Net pixels=bgr mean=0.5 std=0.5,0.5,0.5 scale=255 size_px=16"
    assert base.lineage[1].startswith("weights net.pt sha256=")
    np.testing.assert_allclose(heads(catalog)[base.name], [[0.0] * 96, [0.05] * 96], atol=1e-7)
    assert all(v.validation_accuracy == 1.0 for v in catalog.contents.variants)


def test_one_network_may_be_cut_in_two_ways(project: Path) -> None:
    model = TASKS[TASKS.index("[[model]]") : TASKS.index("[training]")]
    other = model.replace('parts = ["conv1"]', "").replace('["int8"]', "[]")
    catalog = compiled(project, TASKS.replace("[training]", other + "[training]"))
    first, second = (catalog.trunks[f"Net-{k}-w100-d100-r16"] for k in (1, 2))
    assert first.parts != second.parts
    np.testing.assert_array_equal(heads(catalog)[first.name], heads(catalog)[second.name])


def test_a_head_in_another_order_is_trained_anew_and_weights_can_be_fine_tuned(project: Path) -> None:
    save(project, -1.0)
    further = '[[model]]\narch = "brought.net:Net"\nweights = "net.pt"\nfine_tune = true\ntechniques = []\n'
    tasks = TASKS.replace('techniques = ["int8"]', "techniques = []")
    catalog = compiled(project, tasks.replace("[training]", further + "[training]"))
    assert [v.validation_accuracy for v in catalog.contents.variants] == [1.0, 1.0]
    assert not np.allclose(heads(catalog)["Net-1-w100-d100-r16"][0], 0.0)
    as_given, tuned = catalog.contents.trunks
    assert as_given.parts != tuned.parts
    assert tuned.lineage[-1] == "fine-tune"


ANY_SIDE = """
from torch import nn


def net(classes, size_px=16):
    layers = [nn.Conv2d(3, 16, 3, 2, 1), nn.PReLU(16), nn.Conv2d(16, 8, 3, 1, 1), nn.PReLU(8)]
    layers += [nn.Conv2d(8, 8, size_px // 2, groups=8), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(8, classes))
"""
LOWER = """
[[model.scale]]
resolution = 0.5
[training]
scaled_epochs = 2
"""


def test_brought_weights_are_taken_to_a_lower_resolution_by_what_they_taught(project: Path) -> None:
    (project / "brought" / "sides.py").write_text(ANY_SIDE)
    torch.manual_seed(0)
    torch.save(importlib.import_module("brought.sides").net(2).state_dict(), project / "net.pt")
    tasks = TASKS.replace("brought.net:Net", "brought.sides:net").replace('parts = ["conv1"]\n', "")
    tasks = tasks.replace('["int8"]', '["scale+prune-weights+int8"]\nteacher = "own"\nfeature_weight = 5.0')
    catalog = compiled(project, tasks.replace("[training]", LOWER.strip()))
    trunks = {t.name: t for t in catalog.contents.trunks}
    assert [t.size_px for t in trunks.values()] == [16, 8, 8, 8]
    lower = trunks["net-w100-d100-r8"]
    assert "resample size_px=8 taught by net-w100-d100-r16" in lower.lineage[-1]
    assert "taught by net-w100-d100-r16" in trunks["net-w100-d100-r8-thin"].lineage[-1]
    accuracy = {v.trunk: v.validation_accuracy for v in catalog.contents.variants}
    assert accuracy["net-w100-d100-r8"] > 0.9


def test_weights_that_do_not_fit_are_refused_before_any_image_is_read(project: Path) -> None:
    torch.save({"conv9.weight": torch.ones(2)}, project / "net.pt")
    events: list[Event] = []
    refused = r"^model brought\.net:Net: .*net\.pt: weights of another architecture: missing: conv1\.weight"
    for _ in range(2):
        with pytest.raises(ModelError, match=refused):
            compiled(project, events=events)
    assert events == [ModelsTried(("brought.net:Net",))] * 2


def test_the_command_names_the_file_that_asks_for_such_weights(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"conv9.weight": torch.ones(2)}, project / "net.pt")
    (project / "T.toml").write_text(TASKS)
    assert main(["compile", str(project / "T.toml"), "--dry-run"]) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    assert f"{project / 'T.toml'}: model brought.net:Net: {project / 'net.pt'}: weights of another" in said


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('"net.pt"', '"gone.pt"'), r"T\.toml: model\.weights = '.*gone\.pt': No such file"),
        (("mean = 0.5", "mean = [0.5, 0.5]"), r"model\.pixels\.mean = \[0\.5, 0\.5\]: expected 1 or 3"),
        (('"bgr"', '"cmyk"'), "colour: Input should be 'rgb', 'bgr', 'grey' or 'grey3'"),
        (('["conv1"]', '["conv1", "conv1"]'), "model.parts = .*one is given twice"),
        (('weights = "net.pt"', "fine_tune = true"), "fine_tune given without weights"),
    ],
)
def test_what_is_wrong_in_a_model_is_named(change: tuple[str, str], expected: str, project: Path) -> None:
    with pytest.raises(BadInput, match=expected):
        parse_task_file(TASKS.replace(*change), "T.toml", project)
