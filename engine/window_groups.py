"""Windows of one moment: who asks about them, which can run together, and what each had of that."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.frame_results import FrameResults
from engine.frames import Window
from engine.prepared_passes import PreparedPass
from engine.route_run import Execution
from engine.scheduling.problem import Option
from engine.serving import Serving


class Asked(NamedTuple):
    """A window that apps ask about.

    Args:
        due: names of the apps.
        now: time on the source's clock.
        began_s: reading of the wall clock from which latency counts.
        into: gets one result an app, in the order of `due`; some may come later.
        missed: windows like this one that came before it, and that nobody could take in time.
    """

    window: Window
    due: Sequence[str]
    now: float
    began_s: float
    into: FrameResults
    missed: int = 0


class Member(NamedTuple):
    """One window of a group, and what was chosen for it."""

    ready: PreparedPass
    serving: Serving


@dataclass(slots=True)
class WindowGroup:
    """Windows that the same trunks answer at the device.

    Args:
        options: of the apps that ask about any of them.
        members: in the order in which they were chosen for.
    """

    options: dict[str, Option] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)

    def agrees(self, options: Mapping[str, Option]) -> bool:
        """Tell whether every app would be answered in the same way."""
        return all(self.options.get(app, option) is option for app, option in options.items())

    def add(self, member: Member) -> None:
        """Take a further window."""
        self.options |= member.ready.options
        self.members.append(member)

    @property
    def is_uniform(self) -> bool:
        """Whether the same apps ask about all of them, so that what was made ready for one is for all."""
        first = self.members[0].ready
        return all(m.ready is first for m in self.members)


class WindowGroups:
    """Puts windows together whose trunks are the same, whoever asks, and whatever camera shows them."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, frozenset[str]], list[WindowGroup]] = {}

    def add(self, ready: PreparedPass, serving: Serving) -> None:
        """Take a window that the device answers."""
        assert ready.here is not None, "only what runs at the device runs together"
        groups = self._groups.setdefault((serving.window.input_type, ready.here.trunks), [])
        group = next((g for g in groups if g.agrees(ready.options)), None)
        if group is None:
            group = WindowGroup()
            groups.append(group)
        group.add(Member(ready, serving))

    def __iter__(self) -> Iterator[WindowGroup]:
        """Go through the groups, in the order in which they began."""
        return (group for groups in self._groups.values() for group in groups)


def share_of(execution: Execution, index: int, windows: int, apps: Collection[str]) -> Execution:
    """Return what one of several windows that ran together got and took.

    Every window took the same. What it took is divided among the apps that asked about it, in
    proportion to what each needed.

    Args:
        index: of the window, in the order in which they ran.
        windows: how many ran.
        apps: that asked about this one.
    """
    own = [a for a in execution.answers if a.app in apps]
    asked_s = sum(a.busy_s for a in own)
    share = execution.busy_s / asked_s / windows if asked_s > 0.0 else 0.0
    answers = tuple(a._replace(windows=(a.windows[index],), busy_s=share * a.busy_s) for a in own)
    piece_s = {piece: took_s / windows for piece, took_s in execution.piece_s.items()}
    return Execution(answers, piece_s, execution.busy_s / windows)
