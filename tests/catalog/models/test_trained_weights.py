from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from catalog.errors import BadInput
from catalog.models.trained_weights import State, fitted_to, load_state, read_state


def module(classes: int = 3) -> nn.Module:
    torch.manual_seed(classes)
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, classes))


def same(a: State, b: State) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3, "best": 0.5},
        lambda s: {"state_dict": s, "ema": s},
        lambda s: {"net_state_dict": s, "epoch": 3},
        lambda s: {"state_dict": {f"module.{k}": v for k, v in s.items()}},
        lambda s: {f"_orig_mod.{k}": v for k, v in s.items()},
    ],
)
def test_a_state_dict_is_found_however_it_was_saved(wrapped, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    state = dict(module().state_dict())
    torch.save(wrapped(state), tmp_path / "w.pt")
    assert same(read_state(tmp_path / "w.pt"), state)


def test_safetensors_are_read(tmp_path: Path) -> None:
    state = dict(module().state_dict())
    save_file(state, tmp_path / "w.safetensors")
    assert same(read_state(tmp_path / "w.safetensors"), state)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.unlink, ("never",)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"a": {"x": torch.ones(1)}, "b": {"x": torch.ones(1)}}, "found 2 of them, in a, b"),
        ({"epoch": 3}, "expected one state dict of names and tensors, found none"),
        ([torch.ones(1)], "found none"),
    ],
)
def test_files_without_one_state_dict_are_named(content: object, expected: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(BadInput, match=rf"w\.pt: .*{expected}"):
        read_state(tmp_path / "w.pt")


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    with (tmp_path / "w.pt").open("wb") as file:
        pickle.dump(Harmful(), file)
    with pytest.raises(BadInput, match=r"w\.pt: holds more than tensors"):
        read_state(tmp_path / "w.pt")


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_damaged_and_missing_files_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"{name}: .*(No such file|cannot be read)"):
        read_state(tmp_path / name)
    (tmp_path / name).write_bytes(b"\x00" * 40)
    with pytest.raises(BadInput, match=name):
        read_state(tmp_path / name)


def test_weights_are_loaded_with_the_head() -> None:
    state, into = dict(module().state_dict()), module(3)
    nn.init.zeros_(into[0].weight)  # type: ignore[index,arg-type]
    assert load_state(into, state, "2", "w.pt")
    assert same(dict(into.state_dict()), state)


@pytest.mark.parametrize("dropped", [False, True])
def test_a_head_for_other_classes_or_none_is_left_out(dropped: bool) -> None:
    state, into = dict(module(7).state_dict()), module(3)
    if dropped:
        state = {k: v for k, v in state.items() if not k.startswith("2.")}
    assert not load_state(into, state, "2", "w.pt")
    assert torch.equal(into.state_dict()["0.weight"], state["0.weight"])


def test_what_does_not_fit_is_named() -> None:
    state = dict(module().state_dict())
    state["extra"] = torch.ones(1)
    state["0.weight"] = torch.ones(9, 9)
    del state["1.running_var"], state["1.num_batches_tracked"]
    with pytest.raises(BadInput) as caught:
        load_state(module(), state, "2", "w.pt")
    assert str(caught.value) == (
        "w.pt: weights of another architecture: missing: 1.running_var; unexpected: extra; "
        "of another shape: 0.weight (9, 9), expected (5, 4)"
    )


def test_many_names_are_cut_short() -> None:
    with pytest.raises(BadInput, match=r"missing: .* and 2 more"):
        load_state(module(), {"2.weight": torch.ones(3, 5), "2.bias": torch.ones(3)}, "2", "w.pt")


def test_weights_that_are_no_numbers_are_refused() -> None:
    state = dict(module().state_dict())
    state["0.bias"] = torch.full((5,), torch.nan)
    with pytest.raises(BadInput, match=r"not finite: 0\.bias"):
        load_state(module(), state, "2", "w.pt")


def last_filters(side: int) -> nn.Module:
    """A network whose last filters are as large as the map that they read."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 4, side, groups=4), nn.Flatten(), nn.Linear(4, 2)
    )


def test_filters_as_large_as_their_map_follow_the_windows_side() -> None:
    torch.manual_seed(0)
    large, small = last_filters(8), last_filters(5)
    state = fitted_to(small, large.state_dict())
    load_state(small, state, "3", "w.pt")
    assert torch.equal(state["0.weight"], large.state_dict()["0.weight"])
    even = [torch.full((1, 4, side, side), 0.7) for side in (8, 5)]
    torch.testing.assert_close(small[1](even[1]), large[1](even[0]), rtol=0.1, atol=0.02)
    slopes = [torch.linspace(-1.0, 1.0, side).expand(1, 4, side, side) for side in (8, 5)]
    assert (
        torch.corrcoef(torch.stack([large[1](slopes[0]).flatten(), small[1](slopes[1]).flatten()]))[0, 1]
        > 0.9
    )


def test_layers_that_see_every_position_by_itself_cannot_follow() -> None:
    large, small = (nn.Sequential(nn.Flatten(), nn.Linear(side, 4), nn.Linear(4, 2)) for side in (64, 36))
    with pytest.raises(BadInput, match=r"of another shape: 1\.weight"):
        load_state(small, fitted_to(small, large.state_dict()), "2", "w.pt")
