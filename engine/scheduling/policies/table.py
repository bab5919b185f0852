"""Policies by the name that a user gives; a further policy is one more line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from catalog.errors import BadInput
from engine.scheduling.policies.best_static import BestStatic
from engine.scheduling.policies.mcdnn2016 import Mcdnn2016
from engine.scheduling.policies.one_place import ClientOnly, ServerFirst, ServerOnly
from engine.scheduling.policies.original import Original
from engine.scheduling.policies.paced import Paced
from engine.scheduling.policy import Policy
from engine.scheduling.problem import Problem

POLICIES: Mapping[str, Callable[[Problem], Policy]] = {
    "best-static": BestStatic,
    "client-only": ClientOnly,
    "mcdnn2016": Mcdnn2016,
    "original": Original,
    "paced": Paced,
    "server-first": ServerFirst,
    "server-only": ServerOnly,
}


def check_policy(name: str) -> None:
    """Check a name.

    Raises:
        BadInput: no policy of that name.
    """
    if name not in POLICIES:
        raise BadInput(f"policy {name!r}: expected one of {sorted(POLICIES)}")


def make_policy(name: str, problem: Problem) -> Policy:
    """Return a new policy.

    Raises:
        BadInput: no policy of that name.
    """
    check_policy(name)
    return POLICIES[name](problem)
