"""What differs between two configurations of one run: what it can follow, and what needs a restart."""

from __future__ import annotations

from dataclasses import dataclass

from engine.period import CHARGE
from mcdnn.engine_file import EngineFile, SourceTable

_FOLLOWED = frozenset(
    {"catalog", "policy", "budget", "cloud", "specialize", "extractor", "source", "sink", "app"}
)
_CHARGE_ONLY = 'budget.period to or from "charge"'


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """A change of a run.

    Args:
        file: what is to hold from now on: the new configuration, and the old one where it needs a restart.
        followed: keys that differ and are followed.
        fixed: keys that differ and need a restart.
    """

    file: EngineFile
    followed: tuple[str, ...]
    fixed: tuple[str, ...]

    def with_fixed_sources(self, sources: list[SourceTable]) -> ConfigurationChange:
        """Return the same for a run whose sources cannot change.

        Args:
            sources: of the old configuration.
        """
        if self.file.source == sources:
            return self
        file = self.file.model_copy(update={"source": sources})
        followed = tuple(k for k in self.followed if k != "source")
        return ConfigurationChange(file, followed, (*self.fixed, "source"))


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of another configuration.

    Args:
        followed: keys that were other than before and hold now.
        fixed: keys that are other than before and need a restart.
    """

    followed: tuple[str, ...]
    fixed: tuple[str, ...]


def change_between(old: EngineFile, new: EngineFile) -> ConfigurationChange:
    """Compare what runs with what is wanted."""
    differing = [k for k in EngineFile.model_fields if getattr(old, k) != getattr(new, k)]
    kept = {k: getattr(old, k) for k in differing if k not in _FOLLOWED}
    fixed = list(kept)
    if (old.budget.period == CHARGE) is not (new.budget.period == CHARGE):
        kept["budget"] = old.budget
        fixed.append(_CHARGE_ONLY)
    file = new.model_copy(update=kept)
    file._where = new.where
    return ConfigurationChange(file, tuple(k for k in differing if k not in kept), tuple(fixed))


@dataclass(frozen=True, slots=True)
class SourceChange:
    """Sources that go and come; all others run on, with their connections.

    Args:
        gone: tables that are wanted no more.
        further: tables that are new.
    """

    gone: tuple[SourceTable, ...] = ()
    further: tuple[SourceTable, ...] = ()


def source_change(old: list[SourceTable], new: list[SourceTable]) -> SourceChange:
    """Compare sources; one of which anything is other than before goes and comes."""
    return SourceChange(tuple(t for t in old if t not in new), tuple(t for t in new if t not in old))
