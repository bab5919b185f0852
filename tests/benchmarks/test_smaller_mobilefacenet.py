from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from benchmarks.mobilefacenet import mobilefacenet  # noqa: E402 - only where torch is
from benchmarks.smaller_mobilefacenet import smaller_mobilefacenet, write_smaller_weights  # noqa: E402
from catalog.models.trained_weights import load_state, read_state  # noqa: E402


def test_it_takes_the_published_weights_and_sees_no_finer_than_two_by_two(tmp_path: Path) -> None:
    torch.manual_seed(0)
    large, small = mobilefacenet(3).eval(), smaller_mobilefacenet(3).eval()
    published, path = tmp_path / "published.pt", tmp_path / "smaller.safetensors"
    torch.save(large.state_dict(), published)
    write_smaller_weights(published, path)
    assert load_state(small, read_state(path), "head", "smaller")
    kernels = [m.linear7.conv.weight.sum((1, 2, 3)) for m in (large, small)]
    torch.testing.assert_close(kernels[0], kernels[1])
    with torch.no_grad():
        planes = torch.randn(2, 3, 112, 112)
        assert small(planes).shape == (2, 3)
        coarse = torch.nn.functional.avg_pool2d(planes, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
        torch.testing.assert_close(small(planes), small(coarse))
