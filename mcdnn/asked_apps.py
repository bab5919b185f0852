"""The apps that an engine answers: those of its configuration and those that a program added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog.errors import BadInput
from catalog.store import Catalog
from engine.scheduling.problem import App
from mcdnn.engine_file import AppTable
from mcdnn.wiring import Setup, make_app


@dataclass(frozen=True, slots=True)
class AskedApps:
    """The apps at one moment, and what is remembered of those before.

    Args:
        by_name: that are asked.
        added: names that a program gave, also where a configuration has such an app by now.
        classes: by app, of every app that there ever was.
    """

    by_name: Mapping[str, App] = field(default_factory=dict)
    added: frozenset[str] = frozenset()
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def with_added(self, table: AppTable, catalog: Catalog) -> AskedApps:
        """Return these and one that a program adds.

        Raises:
            BadInput: its name is taken, or its task is unknown.
        """
        name = table.name
        if name in self.by_name:
            raise BadInput(f"an app {name!r} is there already: remove_app({name!r}) first")
        return self._then({**self.by_name, name: make_app(table, catalog)}, self.added | {name}, catalog)

    def without(self, name: str, catalog: Catalog) -> AskedApps:
        """Return these but for one.

        Raises:
            BadInput: it is not among them.
        """
        if name not in self.by_name:
            raise BadInput(f"remove_app: no app {name!r}: there are {sorted(self.by_name)}")
        left = {n: a for n, a in self.by_name.items() if n != name}
        return self._then(left, self.added - {name}, catalog)

    def configured_by(self, setup: Setup) -> AskedApps:
        """Return the apps of a configuration, and those that a program added, as its catalog has them.

        Raises:
            BadInput: its catalog does not have the task of one of them.
        """
        configured = {t.name: make_app(t, setup.catalog) for t in setup.file.app}
        added = {n: a for n, a in self.by_name.items() if n in self.added and n not in configured}
        for name, app in added.items():
            if app.task not in setup.catalog.tasks:
                raise BadInput(
                    f"app {name}: task {app.task!r}: the catalog has {sorted(setup.catalog.tasks)}"
                )
        return self._then({**configured, **added}, self.added, setup.catalog)

    def classes_of(self, app: str) -> tuple[str, ...]:
        """Return the class names that an app answers with, or answered with until it was removed.

        Raises:
            BadInput: there never was such an app.
        """
        if app not in self.classes:
            raise BadInput(f"no app {app!r}: there are {sorted(self.by_name)}")
        return self.classes[app]

    def _then(self, by_name: Mapping[str, App], added: frozenset[str], catalog: Catalog) -> AskedApps:
        classes = {name: catalog.tasks[app.task].classes for name, app in by_name.items()}
        return AskedApps(by_name, added, {**self.classes, **classes})
