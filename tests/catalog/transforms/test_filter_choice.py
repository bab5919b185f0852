from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from catalog.transforms.channel_following import follow_channels
from catalog.transforms.channel_units import Channels
from catalog.transforms.compacting import compacted
from catalog.transforms.filter_choice import FEWEST, STEP, least_loss, norms
from tests.catalog.graphs import features_part, model, normal, pixels_part


def wide_channels(first: int = 20, second: int = 32) -> Channels:
    """3 -> first -> second channels over 4 x 4 positions."""
    return follow_channels([wide_graph(first, second)])


def wide_graph(first: int, second: int):  # type: ignore[no-untyped-def]
    return model(
        [
            helper.make_node("Conv", ["x", "a"], ["m"], pads=[1, 1, 1, 1]),
            helper.make_node("Conv", ["m", "b"], ["y"], pads=[1, 1, 1, 1]),
        ],
        (3, 4, 4),
        (second, 4, 4),
        {"a": normal(0, first, 3, 3, 3), "b": normal(1, second, first, 3, 3)},
    )


@given(st.integers(0, 99), st.floats(0.05, 0.95), st.integers(9, 40), st.integers(9, 40))
def test_few_enough_operations_are_left_in_blocks_that_run_fast(
    seed: int, share: float, first: int, second: int
) -> None:
    channels = wide_channels(first, second)
    most = share * channels.macs(channels.everything)
    kept = least_loss(
        channels, np.square(normal(seed, first + second)).astype(np.float64), channels.macs, most
    )
    counts = [int(kept[group].sum()) for group in channels.groups()]
    for count, group in zip(counts, channels.groups(), strict=True):
        assert count == len(group) or (count % STEP == 0 and count >= FEWEST)
    assert channels.macs(kept) <= most or counts == [FEWEST, FEWEST]


def test_the_least_important_of_a_layer_go() -> None:
    channels = wide_channels(16, 16)
    importance = np.arange(32, dtype=np.float64) + 1.0
    first, second = channels.groups()
    importance[second] += 1e6
    kept = least_loss(channels, importance, channels.macs, 0.5 * channels.macs(channels.everything))
    assert kept[second].all()
    assert kept[first].tolist() == [False] * 8 + [True] * 8


def test_of_equal_importance_what_saves_more_operations_goes() -> None:
    channels = wide_channels(16, 64)  # 8 of the first layer save 8 * (3 + 64), 8 of the second 8 * 16
    first, second = channels.groups()
    kept = least_loss(channels, np.ones(80), channels.macs, channels.macs(channels.everything) - 1)
    assert (int(kept[first].sum()), int(kept[second].sum())) == (8, 64)


def test_weights_are_saved_where_they_are_many_and_operations_where_positions_are() -> None:
    graph = model(
        [
            helper.make_node("Conv", ["x", "a"], ["m"], pads=[1, 1, 1, 1]),
            helper.make_node("MaxPool", ["m"], ["p"], kernel_shape=[4, 4], strides=[4, 4]),
            helper.make_node("Conv", ["p", "b"], ["y"], pads=[1, 1, 1, 1]),
        ],
        (3, 16, 16),
        (64, 4, 4),
        {"a": normal(0, 32, 3, 3, 3), "b": normal(1, 64, 32, 3, 3)},
    )
    channels = follow_channels([graph])
    first, second = channels.groups()  # 9 * 3 * 32 weights at 256 positions, 9 * 32 * 64 at 16
    assert channels.weights(channels.everything) == 9 * 32 * (3 + 64)
    for cost, expected in ((channels.macs, (24, 64)), (channels.weights, (24, 64))):
        kept = least_loss(channels, np.ones(96), cost, cost(channels.everything) - 1)
        assert (int(kept[first].sum()), int(kept[second].sum())) == expected
    importance = np.ones(96)
    importance[first] = 3.0
    for cost, expected in ((channels.macs, (24, 64)), (channels.weights, (32, 56))):
        kept = least_loss(channels, importance, cost, cost(channels.everything) - 1)
        assert (int(kept[first].sum()), int(kept[second].sum())) == expected


def test_norms_are_measured_against_the_mean_of_their_layer() -> None:
    channels = wide_channels(2, 3)
    weights = [np.zeros((2, 3, 3, 3), np.float32), np.zeros((3, 2, 3, 3), np.float32)]
    weights[0][:, 0, 0, 0] = (-30.0, 10.0)
    weights[1][:, 0, 0, :2] = ((3.0, 4.0), (0.0, 0.0), (5.0, 12.0))
    found = norms(weights, channels)
    first, second = channels.groups()
    assert found[first] == pytest.approx([1.5, 0.5])
    assert found[second] == pytest.approx([5 / 6, 0.0, 13 / 6])


def test_a_unit_that_several_layers_make_has_the_mean_of_their_norms() -> None:
    graph = model(
        [
            helper.make_node("Conv", ["x", "a"], ["p"]),
            helper.make_node("Conv", ["x", "b"], ["q"]),
            helper.make_node("Add", ["p", "q"], ["y"]),
        ],
        (1, 4, 4),
        (2, 4, 4),
        {"a": np.ones((2, 1, 1, 1), np.float32), "b": np.ones((2, 1, 1, 1), np.float32)},
    )
    channels = follow_channels([graph])
    weights = [np.array([1.0, 3.0]).reshape(2, 1, 1, 1), np.array([3.0, 1.0]).reshape(2, 1, 1, 1)]
    (group,) = channels.groups()
    assert norms(weights, channels)[group] == pytest.approx([1.0, 1.0])


def test_what_is_cut_out_is_what_was_not_chosen() -> None:
    parts = [pixels_part(channels=4), features_part(channels=4)]
    channels = follow_channels(parts)
    kept = channels.everything
    (between,) = [u for u in channels.boundaries[:1] if u is not None]
    kept[between[1]] = False
    small = compacted(parts, channels, kept)
    weights = [{t.name: numpy_helper.to_array(t) for t in part.graph.initializer} for part in small]
    whole = [{t.name: numpy_helper.to_array(t) for t in part.graph.initializer} for part in parts]
    assert np.array_equal(weights[0]["w"], whole[0]["w"][[0, 2, 3]])
    assert np.array_equal(weights[0]["b"], whole[0]["b"][[0, 2, 3]])
    assert np.array_equal(weights[1]["w"], whole[1]["w"][:, [0, 2, 3]])
    assert parts == [pixels_part(channels=4), features_part(channels=4)]
