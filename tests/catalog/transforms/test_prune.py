from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from catalog.backends.onnxruntime_backend import OnnxruntimeBackend
from catalog.backends.torch_graph import TorchGraph
from catalog.errors import RunFailed
from catalog.graph_costs import describe_part
from catalog.heads import HeadWeights
from catalog.labelled_windows import LabelledWindows
from catalog.store import head_to_bytes
from catalog.training.schedule import Progress
from catalog.training.trunk_training import TrainingDiverged
from catalog.transforms.channel_following import follow_channels
from catalog.transforms.loss_effects import loss_effects
from catalog.transforms.prune import Prune, without
from catalog.transforms.recipe import Bench, Effort, Recipe, StoredTrunk
from catalog.transforms.soft_pruning import (
    FADINGS,
    SoftPrune,
    asymptotic_share,
    scale_filters,
    without_smallest,
)
from catalog.transforms.starting import starting_graphs, starting_head
from tests.catalog.graphs import features_part, normal, pixels_part, save

DIM, CHANNELS = 24, 16
RECIPES: dict[str, Recipe] = {
    "prune": Prune("whole", rounds=2),
    "weights": Prune("whole", rounds=2, saves="weights"),
    "soft": SoftPrune("whole", "soft"),
    "asymptotic": SoftPrune("whole", "asymptotic"),
}


def parts(channels: int = CHANNELS, dim: int = DIM) -> list[ModelProto]:
    return [pixels_part(8, channels), features_part(4, channels, dim)]


def bench(tmp_path: Path, models: list[ModelProto], dim: int = DIM) -> Bench:
    paths = tuple(save(p, tmp_path / f"{k}.onnx") for k, p in enumerate(models))
    head = tmp_path / "head.safetensors"
    head.write_bytes(head_to_bytes(HeadWeights(normal(0, 2, dim) / 9, normal(1, 2), 1.0)))
    labels = np.arange(192) % 2
    noise = np.random.default_rng(0).integers(0, 60, (192, 8, 8, 3))
    windows = (noise + (150 * labels)[:, None, None, None]).astype(np.uint8)
    stored = StoredTrunk(8, paths, head)
    return Bench(
        1,
        8,
        2,
        LabelledWindows(windows, labels),
        Effort(tuning_epochs=3),
        {"whole": stored}.__getitem__,
        lambda _: None,
    )


def macs(made: tuple[bytes, ...]) -> int:
    return sum(describe_part(data, "p").macs for data in made)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_pruned_trunk_is_smaller_and_still_fits_together(recipe: Recipe, tmp_path: Path) -> None:
    here = bench(tmp_path, parts())
    made = recipe.make(here)
    before = macs(tuple(path.read_bytes() for path in here.starting("whole").parts))
    assert macs(made) <= 0.5 * before
    described = [describe_part(data, "p") for data in made]
    assert all(a.output_shape == b.input_shape for a, b in pairwise(described))
    assert described[-1].output_shape[0] in (8, 16, 24)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_pruned_trunk_still_tells_classes_apart(recipe: Recipe, tmp_path: Path) -> None:
    here = bench(tmp_path, parts())
    features: np.ndarray = here.data.windows
    for k, data in enumerate(recipe.make(here)):
        (tmp_path / f"made{k}.onnx").write_bytes(data)
        features = OnnxruntimeBackend().load(tmp_path / f"made{k}.onnx")(features)
    means = [features[here.data.labels == k].mean(axis=0) for k in (0, 1)]
    assert float(np.linalg.norm(means[1] - means[0])) > 3 * float(
        features[here.data.labels == 0].std(0).mean()
    )


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_same_trunk_is_pruned_to_the_same_bytes(recipe: Recipe, tmp_path: Path) -> None:
    here = replace(bench(tmp_path, parts()), effort=Effort(tuning_epochs=1))
    assert recipe.make(here) == recipe.make(here)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_trunk_of_few_channels_is_given_up(recipe: Recipe, tmp_path: Path) -> None:
    here = replace(bench(tmp_path, parts(4, 6), 6), effort=Effort(tuning_epochs=1))
    with pytest.raises(RunFailed, match="whole: no filter can be removed"):
        recipe.make(here)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_training_that_diverges_is_named(recipe: Recipe, tmp_path: Path) -> None:
    here = bench(tmp_path, parts())
    huge = HeadWeights(np.full((2, DIM), 3e38, np.float32), np.zeros(2, np.float32), 1.0)
    here.starting("whole").head.write_bytes(head_to_bytes(huge))
    with pytest.raises(TrainingDiverged):
        recipe.make(here)


def test_what_the_loss_does_not_depend_on_is_of_no_importance(tmp_path: Path) -> None:
    here = bench(tmp_path, parts())
    start = here.starting("whole")
    models = starting_graphs(start)
    channels, head = follow_channels(models), starting_head(start)
    features = channels.boundaries[-1]
    assert features is not None
    unread = np.where(np.arange(DIM) % 3 == 0, 0.0, head.weight).astype(np.float32)
    effects = loss_effects(models, channels, HeadWeights(unread, head.bias, 1.0), here)
    assert (effects[features] == 0.0).tolist() == [k % 3 == 0 for k in range(DIM)]


def test_the_estimated_effect_is_the_loss_that_removal_makes_for_small_filters(tmp_path: Path) -> None:
    """For weights that are small the first order is all there is: removing them changes the loss by g * w."""
    import torch

    here = bench(tmp_path, parts())
    here = replace(here, data=LabelledWindows(here.data.windows[:32], here.data.labels[:32]))
    start = here.starting("whole")
    models = starting_graphs(start)
    channels, head = follow_channels(models), starting_head(start)
    features = channels.boundaries[-1]
    assert features is not None
    graphs = [TorchGraph(model) for model in models]
    small = channels.everything
    small[features[:2]] = False
    scale_filters(channels, graphs, small, 1e-3)
    models = [graph.written_back(model) for graph, model in zip(graphs, models, strict=True)]
    effects = loss_effects(models, channels, head, here)

    from catalog.training.batches import drawn_view, shuffled

    view = drawn_view(0, here.data, here.views_seed)
    (batch,) = shuffled(here.data, 32, np.random.default_rng(here.seed), view)

    def loss(without_unit: int | None) -> float:
        chain = [TorchGraph(model) for model in models]
        kept = channels.everything
        if without_unit is not None:
            kept[without_unit] = False
        scale_filters(channels, chain, kept, 0.0)
        with torch.no_grad():
            values = torch.nn.Sequential(*chain)(torch.from_numpy(batch.windows)).double()
            logits = values @ torch.from_numpy(head.weight.T).double() + torch.from_numpy(head.bias)
            return float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(batch.labels)))

    for unit in features[:2].tolist():
        assert effects[unit] == pytest.approx((loss(unit) - loss(None)) ** 2, rel=0.1)


def test_features_that_go_take_the_columns_of_the_head_along(tmp_path: Path) -> None:
    start = bench(tmp_path, parts()).starting("whole")
    models = starting_graphs(start)
    channels, head = follow_channels(models), starting_head(start)
    kept = channels.everything
    features = channels.boundaries[-1]
    assert features is not None
    kept[features[[3, 5]]] = False
    _, smaller = without(models, head, channels, kept, "whole")
    assert np.array_equal(smaller.weight, np.delete(head.weight, [3, 5], axis=1))
    assert np.array_equal(smaller.bias, head.bias)


def test_asymptotic_pruning_takes_three_quarters_in_an_eighth_of_the_time() -> None:
    shares = [asymptotic_share(k / 8) for k in range(9)]
    assert shares[:2] == pytest.approx([0.0, 0.75])
    assert shares[-1] == pytest.approx(1.0)
    assert all(a < b for a, b in pairwise(shares))


@pytest.mark.parametrize("name", FADINGS)
def test_all_small_filters_are_zero_at_the_end(name: str) -> None:
    assert FADINGS[name].share(1.0) == pytest.approx(1.0)
    assert FADINGS[name].factor(1.0) == 0.0


def test_the_smallest_of_each_group_fade_and_may_come_back(tmp_path: Path) -> None:
    models = parts()
    channels = follow_channels(models)
    groups = channels.groups()
    sizes = np.random.default_rng(0).random(len(channels.locked))
    kept = without_smallest(channels, sizes, [4] * len(groups), 0.5)
    for group in groups:
        assert set(group[~kept[group]].tolist()) == set(group[np.argsort(sizes[group])[:2]].tolist())
    graphs = [TorchGraph(model) for model in models]
    before = graphs[0].by_name["w"].detach().clone()
    scale_filters(channels, graphs, kept, 0.25)
    first = kept[channels.written[0].units]
    after = graphs[0].by_name["w"].detach()
    assert np.array_equal(after[first].numpy(), before[first].numpy())
    assert np.array_equal(after[~first].numpy(), 0.25 * before[~first].numpy())
    assert graphs[0].by_name["w"].requires_grad


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_epoch_is_reported(recipe: Recipe, tmp_path: Path) -> None:
    told: list[Progress] = []
    made = replace(bench(tmp_path, parts()), report=told.append, effort=Effort(tuning_epochs=2))
    recipe.make(made)
    assert [p.epoch for p in told] == ([1, 1, 2] if isinstance(recipe, Prune) else [1, 2, 3, 4, 1, 2])
