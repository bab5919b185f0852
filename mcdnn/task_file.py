"""TASKS.toml: what a programmer supplies to have a catalog compiled, checked in full before it starts."""

from __future__ import annotations

import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from catalog.compiler.request import NO_TEACHER, CompileRequest, ModelSpec, TaskSpec
from catalog.datasets.data_spec import DEFAULT_SHARES, DIGITS, DataSpec
from catalog.errors import BadInput
from catalog.models.architecture import Architecture, Colour, PixelScale, WeightsFile
from catalog.tasks import InputType, Resize
from catalog.transforms.recipe import Effort, Scale
from catalog.transforms.scale import SCALES
from catalog.transforms.table import DEFAULT_TECHNIQUES

Share = Annotated[float, Field(gt=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]

_SHIPPED = {"digits": "default_tasks.toml"}
_SPLIT_EXPECTED = "expected three shares of train, validation and test with sum 1, or three paths"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputTable(_Table):
    """[input.NAME]: one kind of window, resized to size x size RGB.

    mirror says that a window means the same in a mirror, as a face does and text does not: training shows
    every other one mirrored.
    """

    size: Annotated[int, Field(ge=8, le=512)] = 32
    resize: Resize = Resize.STRETCH
    margin: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    mirror: bool = False


class TaskTable(_Table):
    """[task.NAME]: one question, with data of its own or as groups of another task's classes.

    Tasks with a trunk_weight train the trunks of their input together with its first task, each by the
    windows that have its labels; the weight is that of its loss. Those without get heads on the trunks
    that others trained; where a head alone loses more accuracy than share_loss (0.02 unless said
    otherwise, 1 for any), the compiler tries trunks of which the task has the last parts to itself.
    """

    input: str
    data: str | None = None
    split: tuple[float | str, ...] | None = None
    relabel: dict[str, list[str]] | None = None
    of: str | None = None
    trunk_weight: Annotated[float, Field(gt=0.0)] | None = None
    share_loss: Annotated[float, Field(ge=0.0, le=1.0)] | None = None

    @field_validator("split")
    @classmethod
    def _shares_or_paths(cls, value: tuple[float | str, ...] | None) -> tuple[float | str, ...] | None:
        kinds = {isinstance(v, str) for v in value or ()}
        if value is not None and (len(value) != len(DEFAULT_SHARES) or len(kinds) != 1):
            raise ValueError(f"{list(value)}: {_SPLIT_EXPECTED}")
        return value


class ScaleTable(_Table):
    """[[model.scale]]: one size of the family besides the full one, as shares of its full size."""

    width: Share = 1.0
    depth: Share = 1.0
    resolution: Share = 1.0
    first_width: Share | None = None


class PixelsTable(_Table):
    """[model.pixels]: what the model reads: (p / scale - mean) / std of pixels p in 0..255."""

    mean: float | list[float] = 0.5
    std: float | list[float] = 0.25
    scale: float = 255.0
    colour: Colour = Colour.RGB


class ModelTable(_Table):
    """[[model]]: a family of trunks, and the techniques that make smaller ones.

    arguments are what else the factory is called with; parts and head name modules inside the model, which
    are found where they are not given. An entry of techniques may be a chain, "scale+lowrank:kept=0.35+int8":
    each technique is applied to what the one before gave, with defaults or with shares given by name.
    teacher says whom trunks learn from besides the labels: "own" for the family's full size, the name of an
    earlier model (as its trunks' names begin), or "none", with which what is made from another trunk learns
    from that one. feature_weight is that of the teacher's features, beside its answers.
    """

    arch: str = "convnet"
    arguments: dict[str, int | float | bool | str | list[int]] = {}
    weights: str | None = None
    pixels: PixelsTable | None = None
    parts: list[str] = []
    head: str | None = None
    fine_tune: bool = False
    techniques: list[str] = list(DEFAULT_TECHNIQUES)
    teacher: str = NO_TEACHER
    feature_weight: Annotated[float, Field(ge=0.0)] = 0.0
    scale: list[ScaleTable] | None = None


class TrainingTable(_Table):
    """[training]: how much work to put in.

    windows counts those rendered from a built-in set; stored_features those of each split whose features
    are kept for later heads, evenly from all classes: 2 bytes for each value.
    """

    seed: Annotated[int, Field(ge=0)] = 0
    epochs: Count = Effort().epochs
    scaled_epochs: Count = Effort().scaled_epochs
    tuning_epochs: Count = Effort().tuning_epochs
    windows: Annotated[int, Field(ge=20)] = 5600
    stored_features: Count = Effort().stored_features


class TaskFile(_Table):
    """The whole of TASKS.toml."""

    input: Annotated[dict[str, InputTable], Field(min_length=1)]
    task: Annotated[dict[str, TaskTable], Field(min_length=1)]
    model: Annotated[list[ModelTable], Field(min_length=1)] = [ModelTable()]
    training: TrainingTable = TrainingTable()


_TABLES: dict[str, type[BaseModel]] = {
    "input": InputTable,
    "task": TaskTable,
    "model": ModelTable,
    "pixels": PixelsTable,
    "scale": ScaleTable,
    "training": TrainingTable,
}


def read_task_file(given: str) -> CompileRequest:
    """Read TASKS.toml, or a shipped one by its name; relative data paths start at the file's folder.

    Args:
        given: a path, or "digits".

    Raises:
        BadInput: the file is missing, not TOML, or a key is wrong: file, key and what was expected.
    """
    if given in _SHIPPED:
        shipped = resources.files("mcdnn") / _SHIPPED[given]
        return parse_task_file(shipped.read_text(encoding="utf-8"), given, Path())
    path = Path(given)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as e:
        raise BadInput(f"{path}: {e.strerror or e}: expected a TASKS.toml, or {' or '.join(_SHIPPED)}") from e
    except UnicodeDecodeError as e:
        raise BadInput(f"{path}: not a text file: {e}") from e
    return parse_task_file(text, str(path), path.parent)


def parse_task_file(text: str, where: str, folder: Path) -> CompileRequest:
    """Check the text of a TASKS.toml and return what it asks for.

    Args:
        text: TOML.
        where: name of the file, for errors.
        folder: where relative data paths start.

    Raises:
        BadInput: see read_task_file.
    """
    try:
        file = TaskFile.model_validate(tomllib.loads(text))
        return _request(file, folder)
    except tomllib.TOMLDecodeError as e:
        raise BadInput(f"{where}: not TOML: {e}") from e
    except ValidationError as e:
        raise BadInput(f"{where}: {_first_error(e)}") from e
    except BadInput as e:
        raise BadInput(f"{where}: {e}") from e


def schema() -> str:
    """Return the JSON schema of TASKS.toml."""
    return json.dumps(TaskFile.model_json_schema(), indent=2)


def _request(file: TaskFile, folder: Path) -> CompileRequest:
    training = file.training
    effort = Effort(
        training.epochs,
        training.scaled_epochs,
        training.tuning_epochs,
        stored_features=training.stored_features,
    )
    return CompileRequest(
        tuple(InputType(name, t.size, t.resize, t.margin) for name, t in file.input.items()),
        tuple(_task_spec(name, t, folder) for name, t in file.task.items()),
        tuple(_model_spec(t, folder) for t in file.model),
        effort,
        training.windows,
        training.seed,
        frozenset(name for name, t in file.input.items() if t.mirror),
    )


def _task_spec(name: str, table: TaskTable, folder: Path) -> TaskSpec:
    if table.data is None and table.split is not None:
        raise BadInput(f"task.{name}.split: given without data: a relabelled task is split as its parent")
    if table.relabel is None and table.of is not None:
        raise BadInput(f"task.{name}.of: given without relabel")
    try:
        data = None if table.data is None else _data_spec(table.data, table.split, folder)
    except BadInput as e:
        raise BadInput(f"task.{name}.{e}") from e
    relabel = None
    if table.relabel is not None:
        relabel = {label: tuple(members) for label, members in table.relabel.items()}
    return TaskSpec(name, table.input, data, relabel, table.of, table.trunk_weight, table.share_loss)


def _data_spec(data: str, split: tuple[float | str, ...] | None, folder: Path) -> DataSpec:
    source = DIGITS if data == DIGITS else str(folder / Path(data).expanduser())
    if split is None:
        return DataSpec(source)
    paths = tuple(s for s in split if isinstance(s, str))
    shares = tuple(s for s in split if not isinstance(s, str))
    return DataSpec(source, paths=paths) if paths else DataSpec(source, shares)


def _model_spec(table: ModelTable, folder: Path) -> ModelSpec:
    scales: tuple[Scale, ...] = SCALES
    if table.scale is not None:
        scales = tuple(Scale(s.width, s.depth, s.resolution, s.first_width) for s in table.scale)
    try:
        architecture = Architecture(
            table.arch,
            tuple(sorted((k, tuple(v) if isinstance(v, list) else v) for k, v in table.arguments.items())),
            None if table.pixels is None else _pixel_scale(table.pixels),
            None if table.weights is None else WeightsFile.at(folder / Path(table.weights).expanduser()),
            tuple(table.parts),
            table.head,
        )
    except BadInput as e:
        raise BadInput(f"model.{e}") from e
    techniques = tuple(table.techniques)
    return ModelSpec(architecture, techniques, scales, table.fine_tune, table.teacher, table.feature_weight)


def _pixel_scale(table: PixelsTable) -> PixelScale:
    mean, std = (tuple(v) if isinstance(v, list) else (v,) for v in (table.mean, table.std))
    return PixelScale(mean, std, table.scale, table.colour)


def _first_error(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(x) for x in first["loc"]) or "the file"
    if first["type"] != "extra_forbidden":
        return f"{key}: {first['msg'].removeprefix('Value error, ')}"
    named = [str(x) for x in first["loc"][:-1] if str(x) in _TABLES]
    table = _TABLES[named[-1]] if named else TaskFile
    return f"{key}: no such key: expected one of {', '.join(table.model_fields)}"
