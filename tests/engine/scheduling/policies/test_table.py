from __future__ import annotations

import pytest

from catalog.errors import BadInput
from engine.scheduling.policies.table import POLICIES, make_policy
from tests.scheduling_problems import app, shared_trunks


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_policy_goes_by_the_name_that_made_it(name: str) -> None:
    assert make_policy(name, shared_trunks([app("who")])).name == name


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"policy 'greedy': expected one of \['best-static', 'client-only'"):
        make_policy("greedy", shared_trunks([app("who")]))
