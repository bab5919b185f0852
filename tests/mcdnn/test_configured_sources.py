"""Sources of a configuration that go, come and stay while a run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog.errors import BadInput
from engine.errors import SourceError
from mcdnn.configuration_change import source_change
from mcdnn.configured_sources import (
    NOT_CONFIGURED,
    ConfiguredSources,
    SourceTurnover,
    close_sources,
    open_configured,
)
from mcdnn.engine_file import EngineFile, parse_engine_table


def camera(name: str, seed: int = 7) -> dict[str, Any]:
    return {"uri": f"digits:?seed={seed}&fps=10", "name": name}


def file_of(*sources: dict[str, Any]) -> EngineFile:
    return parse_engine_table({"catalog": "c", "source": list(sources)}, "e.toml")


def opened(file: EngineFile) -> ConfiguredSources:
    sources, configured = open_configured(file)
    close_sources(sources)
    return configured


def changed(configured: ConfiguredSources, old: EngineFile, new: EngineFile) -> SourceTurnover:
    turnover = configured.change_by(source_change(old.source, new.source), new)
    close_sources(turnover.further)
    return turnover


def test_what_differs_goes_and_comes_and_the_rest_stays() -> None:
    old = file_of(camera("door"), camera("yard"))
    new = file_of(camera("door"), camera("yard", 8), camera("hall"))
    turnover = changed(opened(old), old, new)
    assert turnover.gone == ("yard",)
    assert [s.source.name for s in turnover.further] == ["yard", "hall"]
    assert turnover.then == ConfiguredSources(tuple(zip(new.source, ("door", "yard", "hall"), strict=True)))


def test_a_source_without_a_name_goes_by_the_one_that_it_gave_itself() -> None:
    unnamed = {"uri": "digits:?seed=7&fps=10"}
    old, new = file_of(unnamed, camera("yard")), file_of(camera("yard"))
    configured = opened(old)
    assert changed(configured, old, new).gone == (configured.named[0][1],)


def test_one_that_gives_itself_a_name_that_is_taken_is_refused() -> None:
    unnamed = {"uri": "digits:?seed=9&fps=10"}
    name = opened(file_of(unnamed)).named[0][1]
    old, new = file_of(camera(name)), file_of(camera(name), unnamed)
    with pytest.raises(BadInput, match=f"e.toml: several sources are called '{name}': name them"):
        opened(old).change_by(source_change(old.source, new.source), new)


def test_a_run_of_configured_sources_keeps_one() -> None:
    old, new = file_of(camera("door")), file_of()
    with pytest.raises(BadInput, match=r"e.toml: no source: add a \[\[source\]\] with a uri"):
        opened(old).change_by(source_change(old.source, new.source), new)
    assert changed(NOT_CONFIGURED, new, new) == SourceTurnover((), (), NOT_CONFIGURED)


def test_a_source_by_its_uri_has_the_settings_of_the_first_and_is_not_configured(tmp_path: Path) -> None:
    file = file_of({**camera("door"), "motion_gate": True, "fps": 5.0})
    sources, configured = open_configured(file, "digits:?seed=9&seconds=1")
    close_sources(sources)
    assert configured is NOT_CONFIGURED
    assert (len(sources), sources[0].gated, sources[0].source.name != "door") == (1, True, True)
    with pytest.raises(SourceError, match="nowhere"):
        open_configured(file, str(tmp_path / "nowhere.mp4"))


def test_without_any_source_the_remedy_is_told() -> None:
    with pytest.raises(BadInput, match=r"e.toml: no source: add a \[\[source\]\].*or give --source URI"):
        open_configured(file_of())
