from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.contents import CatalogContents, check_contents
from catalog.errors import CatalogError
from catalog.store import open_catalog
from catalog.tasks import Task


@pytest.fixture(scope="module")
def whole(pristine: Path) -> CatalogContents:
    return open_catalog(pristine).contents


def first(field: str, **change) -> Callable[[CatalogContents], CatalogContents]:
    """Change the first value of a field."""

    def apply(contents: CatalogContents) -> CatalogContents:
        values = getattr(contents, field)
        return replace(contents, **{field: (replace(values[0], **change), *values[1:])})

    return apply


def without_first(field: str) -> Callable[[CatalogContents], CatalogContents]:
    return lambda contents: replace(contents, **{field: getattr(contents, field)[1:]})


def twice(field: str) -> Callable[[CatalogContents], CatalogContents]:
    def apply(contents: CatalogContents) -> CatalogContents:
        values = getattr(contents, field)
        return replace(contents, **{field: (*values, values[0])})

    return apply


def with_task(task: Task) -> Callable[[CatalogContents], CatalogContents]:
    return lambda contents: replace(contents, tasks=(*contents.tasks, task))


def test_whole_contents_pass_and_so_do_empty_ones(whole: CatalogContents) -> None:
    check_contents(whole)
    check_contents(replace(whole, parts=(), trunks=(), heads=(), variants=()))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda c: replace(c, schema_version=2), "schema_version 2: this version reads 1; compile again"),
        (without_first("input_types"), "task identity: unknown input type digit"),
        (
            with_task(Task("x", "digit", ("a", "b"), "gone", (0,))),
            "task x: parent gone: expected a task with",
        ),
        (
            with_task(Task("x", "digit", ("a", "b"), "parity", (0, 1))),
            "task x: parent parity: expected a task",
        ),
        (with_task(Task("x", "digit", ("a", "b"), "identity", (0, 1))), "task x: relabel: .* each of 10"),
        (with_task(Task("x", "digit", ("a", "b"), "identity", (2,) * 10)), "task x: relabel"),
        (with_task(Task("x", "digit", ("a", "b"), "identity", (-1,) * 10)), "task x: relabel"),
        (without_first("parts"), "trunk wide: unknown part "),
        (first("trunks", parts=()), "trunk wide: no parts"),
        (first("trunks", input_type="face"), "trunk wide: unknown input type face"),
        (first("trunks", size_px=17), r"trunk wide: part \w+ reads \(16, 16, 3\), is given \(17, 17, 3\)"),
        (first("trunks", feature_dim=31), r"trunk wide: ends in \(32,\), expected \(31,\)"),
        (first("parts", output_shape=(8, 8)), r"trunk wide: part \w+ reads \(8, 8, 8\), is given \(8, 8\)"),
        (without_first("trunks"), r"head \w+: unknown trunk wide or task identity"),
        (first("heads", task="gone"), r"head \w+: unknown trunk wide or task gone"),
        (first("heads", size_bytes=1), r"head \w+: 1 bytes, expected 1320"),
        (without_first("heads"), r"variant wide/identity: no head \w+ of that trunk and task"),
        (first("variants", trunk="narrow"), "variant wide/identity: no head"),
        (first("variants", task="parity"), "variant wide/identity: no head"),
        (first("variants", validation_accuracy=1.01), r"wide/identity: accuracy outside \[0, 1\]"),
        (first("variants", test_accuracy=float("nan")), r"wide/identity: accuracy outside \[0, 1\]"),
        (twice("input_types"), "2 input types, 1 different: expected each once"),
        (twice("tasks"), "3 tasks, 2 different"),
        (twice("parts"), "6 parts, 5 different"),
        (twice("trunks"), "4 trunks, 3 different"),
        (twice("heads"), "7 heads, 6 different"),
        (twice("variants"), "7 variants, 6 different"),
        (first("trunks", name="../../up"), r"name '../../up': expected one that can be the name of a file"),
        (first("parts", id=""), "name '': expected one that can be the name of a file"),
        (first("heads", id=".hidden"), r"name '\.hidden'"),
        (with_task(Task("a/b", "digit", ("a", "b"))), "name 'a/b'"),
    ],
)
def test_what_does_not_fit_is_named(
    whole: CatalogContents, damage: Callable[[CatalogContents], CatalogContents], told: str
) -> None:
    with pytest.raises(CatalogError, match=rf"^catalog\.json: .*{told}"):
        check_contents(damage(whole))


def test_a_head_reads_a_trunk_of_its_own_input_type(whole: CatalogContents) -> None:
    letter = replace(whole.input_types[0], name="letter")
    mixed = replace(whole, input_types=(*whole.input_types, letter))
    mixed = first("trunks", input_type="letter")(mixed)
    with pytest.raises(CatalogError, match="trunk wide reads another input type than task identity"):
        check_contents(mixed)
