from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import BadInput
from catalog.variant_table import (
    TableCost,
    TableVariant,
    read_specialised_table,
    read_variant_table,
    with_sizes,
)
from tests.outside_data import outside_file

HEADER = "variant,task,device_load_j,device_exec_j,device_load_ms,device_exec_ms,cloud_exec_ms,accuracy_pct"


def table(folder: Path, *rows: str, more: str = "") -> Path:
    path = folder / "variants.csv"
    path.write_text("\n".join((HEADER + more, *rows, "")))
    return path


def test_units_of_the_columns_become_those_of_the_values(tmp_path: Path) -> None:
    path = table(tmp_path, "D6,face,5.19,.54,284.8,34.36,8,69,40", more=",memory_mb")
    (variant,) = read_variant_table(path)
    assert variant == TableVariant(
        "D6", "face", 0.69, TableCost(5.19, 0.54, 0.2848, 0.03436, 0.008), 40_000_000
    )


def test_what_is_left_beyond_a_shared_prefix_is_read_where_it_is_given(tmp_path: Path) -> None:
    shared = "shared_load_j,shared_exec_j,shared_load_ms,shared_exec_ms,shared_cloud_exec_ms"
    path = table(
        tmp_path,
        "D6,face,5,.5,280,34,8,69,3,.4,235,30,.86",
        "S,scene,5,.5,280,34,8,69,,,,,",
        more=f",{shared}",
    )
    beyond = [v.beyond_prefix for v in read_variant_table(path)]
    assert beyond == [TableCost(3.0, 0.4, 0.235, 0.03, 0.00086), None]


def test_sizes_that_the_table_lacks_are_in_proportion_to_load_times(tmp_path: Path) -> None:
    rows = ("big,scene,9,1,400,10,1,60,", "small,scene,3,1,100,10,1,50,", "D6,face,5,1,100,10,1,69,40")
    variants = read_variant_table(table(tmp_path, *rows, more=",memory_mb"))
    sized, notes = with_sizes(variants, {"scene": 200.0})
    assert [v.memory_bytes for v in sized] == [200_000_000, 50_000_000, 40_000_000]
    assert len(notes) == 1
    assert "scene" in notes[0]
    assert "200 MB is assumed" in notes[0]
    with pytest.raises(BadInput, match="task scene: no memory_mb in the table"):
        with_sizes(variants, {})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("D6,face,5,x,280,34,8,69", "line 2: device_exec_j = 'x': expected a number of at least 0"),
        ("D6,face,-5,1,280,34,8,69", "line 2: device_load_j = '-5': expected a number of at least 0"),
        ("D6,face,5,nan,280,34,8,69", "line 2: device_exec_j = 'nan'"),
        ("D6,face,5,1,280,34,8,169", "line 2: accuracy_pct = '169': expected a number from 0 to 100"),
        (",face,5,1,280,34,8,69", "line 2: variant is empty"),
        ("D6,face,5,1", "line 2: 4 fields where the first line has 8; was the file cut off?"),
    ],
)
def test_a_wrong_figure_is_named_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_variant_table(table(tmp_path, row))
    assert f"variants.csv, {message}" in str(raised.value)


def test_a_variant_given_twice_and_a_table_without_rows_are_refused(tmp_path: Path) -> None:
    row = "D6,face,5,1,280,34,8,69"
    with pytest.raises(BadInput, match=r"line 3: variant 'D6' is given twice"):
        read_variant_table(table(tmp_path, row, row))
    with pytest.raises(BadInput, match=r"variants\.csv: no variants"):
        read_variant_table(table(tmp_path))


def test_a_specialised_variant_has_an_accuracy_for_each_skew(tmp_path: Path) -> None:
    rows = ("C3,face,2,.2,28,17,4,92,7,.9", "C3,face,2,.2,28,17,4,87,7,.6")
    (variant,) = read_specialised_table(table(tmp_path, *rows, more=",n_classes,skew"))
    assert (variant.classes, variant.skews, variant.accuracies) == (7, (0.6, 0.9), {0.9: 0.92, 0.6: 0.87})
    with pytest.raises(BadInput, match=r"line 4: variant 'C3': skew 0.6 is given twice"):
        read_specialised_table(table(tmp_path, *rows, rows[1], more=",n_classes,skew"))


@pytest.mark.data
def test_the_published_tables_are_read_as_they_are() -> None:
    variants = read_variant_table(outside_file("mcdnn2016/catalog.csv"))
    tasks = [v.task for v in variants]
    assert [tasks.count(t) for t in ("face", "scene", "object_vgg", "object_alexnet")] == [13, 4, 4, 8]
    assert all(v.beyond_prefix is not None and v.memory_bytes for v in variants if v.task == "face")
    special = read_specialised_table(outside_file("mcdnn2016/specialized.csv"))
    assert [s.name for s in special] == ["C0", "C1", "C2", "C3", "C4"]
    assert {s.skews for s in special} == {(0.6, 0.8, 0.9, 0.95)}
