"""How often scenes change lately, and so how much evidence it takes to believe in another change.

The odds that a scene has changed are the likelihood ratio of what was seen since, times the odds with which
scenes change at all (Shiryaev, On optimum methods in quickest detection problems, 1963): where one has held
for minutes, more is to speak for a change than where the last ones held for seconds.
"""

from __future__ import annotations

import math

from specializer.caution import Caution


class ChangeRate:
    """Follows the windows of heads in use, and the changes among them.

    Args:
        caution: what is usual, and how far and how fast that is departed from.
    """

    __slots__ = ("_caution", "_changes", "_windows")

    def __init__(self, caution: Caution) -> None:
        self._caution = caution
        self._changes = caution.usual_changes
        self._windows = caution.usual_changes * caution.usual_scene

    @property
    def further_evidence(self) -> float:
        """Log likelihood ratio that a change takes beyond the usual; below 0 where it takes less."""
        c = self._caution
        further = math.log(self._windows / (self._changes * c.usual_scene))
        return min(c.most_calm, further) if further > 0.0 else max(-c.most_haste, c.haste * further)

    @property
    def undisturbed(self) -> float:
        """Share of what a head meets that is of its scene, not of the next one that is not noticed yet."""
        return 1.0 - self._caution.unnoticed * self._changes / self._windows

    def observe(self, changed: bool) -> None:
        """Take note of a window with a head, and of whether it is believed now that others came."""
        self._windows += 1.0
        if not changed:
            return
        self._changes += 1.0
        if self._windows > self._caution.most_lately:
            self._windows *= 0.5
            self._changes *= 0.5
