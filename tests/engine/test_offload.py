from __future__ import annotations

import numpy as np
import pytest

from engine.errors import OffloadFailed
from engine.offload import LinkState, NoCloud, OffloadRequest, Question


def test_without_a_cloud_every_request_fails_at_once_with_the_remedy() -> None:
    windows = tuple(np.zeros((2, 8, 8, 3), np.uint8))
    request = OffloadRequest("r7", (Question("who", "wide/identity"),), windows, 1.0)
    with pytest.raises(OffloadFailed, match=r"request r7: no cloud is configured: add \[cloud\] endpoint"):
        NoCloud().submit(request).result(timeout=0.0)


def test_without_a_cloud_nothing_is_offered_and_nothing_connected() -> None:
    assert NoCloud().state() == LinkState()
    assert not NoCloud().state().connected
