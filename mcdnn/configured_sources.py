"""The [[source]] tables of a run: its sources opened, and which go, come and stay when they are others."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.errors import BadInput
from engine.sources.choosing import OpenSource, open_chosen
from mcdnn.configuration_change import SourceChange
from mcdnn.engine_file import EngineFile, SourceTable
from mcdnn.source_wiring import choices_of


@dataclass(frozen=True, slots=True)
class SourceTurnover:
    """Sources that go and come; all others run on.

    Args:
        gone: their names.
        further: open.
        then: what the run has once this is done.
    """

    gone: tuple[str, ...]
    further: tuple[OpenSource, ...]
    then: ConfiguredSources


@dataclass(frozen=True, slots=True)
class ConfiguredSources:
    """Sources that [[source]] tables brought into a run.

    Args:
        named: tables, each with the name of its source.
    """

    named: tuple[tuple[SourceTable, str], ...] = ()

    def change_by(self, change: SourceChange, file: EngineFile) -> SourceTurnover:
        """Open what is new, beside what runs.

        Args:
            change: of the tables.
            file: what is to hold from now on.

        Raises:
            BadInput: none would be left, or two have the same name; nothing has changed then.
            SourceError: one cannot be opened; likewise.
        """
        if self.named and not file.source:
            raise BadInput(f"{file.where}: no source: add a [[source]] with a uri")
        gone = tuple(name for table, name in self.named if table in change.gone)
        kept = tuple((table, name) for table, name in self.named if table not in change.gone)
        further = open_chosen(choices_of(change.further, file.motion_gate.on), True) if change.further else ()
        come = _named(change.further, further)
        twice = sorted({n for _, n in come} & {n for _, n in kept})
        if twice:
            close_sources(further)
            raise BadInput(f"{file.where}: several sources are called {twice[0]!r}: name them")
        return SourceTurnover(gone, further, ConfiguredSources((*kept, *come)))


NOT_CONFIGURED = ConfiguredSources()


def open_configured(
    file: EngineFile, uri: str | None = None
) -> tuple[tuple[OpenSource, ...], ConfiguredSources]:
    """Open the sources of a configuration, or one by its URI.

    Args:
        uri: opened with the settings of the first configured source, and not one of them.

    Raises:
        BadInput: there is none, or they do not go together.
        SourceError: one cannot be opened.
    """
    tables = file.source
    if uri is not None:
        first = tables[0] if tables else SourceTable(uri=uri)
        tables = [first.model_copy(update={"uri": uri, "name": None})]
    if not tables:
        raise BadInput(f"{file.where}: no source: add a [[source]] with a uri, or give --source URI")
    opened = open_chosen(choices_of(tables, file.motion_gate.on))
    return opened, NOT_CONFIGURED if uri is not None else ConfiguredSources(_named(tables, opened))


def close_sources(opened: tuple[OpenSource, ...]) -> None:
    """Close sources that no run has taken."""
    for each in opened:
        each.source.close()


def _named(
    tables: list[SourceTable] | tuple[SourceTable, ...], opened: tuple[OpenSource, ...]
) -> tuple[tuple[SourceTable, str], ...]:
    return tuple((table, each.source.name) for table, each in zip(tables, opened, strict=True))
