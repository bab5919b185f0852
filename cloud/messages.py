"""What travels between device and server, as values of this project."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from catalog.tasks import InputType
from engine.offload import Question


class Encoding(StrEnum):
    """How the pixels of a picture are written."""

    RAW_RGB = "raw-rgb"
    PNG = "png"
    JPEG = "jpeg"


@dataclass(frozen=True, slots=True)
class Picture:
    """One window on the wire.

    Args:
        encoding: of data.
        width_px: of the window; the server checks that data agrees.
        height_px: likewise.
        data: for RAW_RGB height * width * 3 bytes, row by row.
    """

    encoding: Encoding
    width_px: int
    height_px: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Features:
    """What the first parts of a trunk gave at the device.

    Args:
        part_ids: that have run, in order.
        windows: how many.
        float16: half precision, little endian, (windows, *output shape of the last of those parts).
    """

    part_ids: tuple[str, ...]
    windows: int
    float16: bytes


@dataclass(frozen=True, slots=True)
class ClassifyCall:
    """A request as it travels: an OffloadRequest whose windows are encoded, or features in their place.

    Args:
        head_ids: hash of the head that each question's variant is known by, "" for any; none at all
            where no question names one.
    """

    request_id: str
    questions: tuple[Question, ...]
    pictures: tuple[Picture, ...]
    deadline_s: float
    features: Features | None = None
    head_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfferedTask:
    """A task that the server answers."""

    name: str
    input_type: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfferedTrunk:
    """A trunk that the server runs.

    Args:
        part_ids: hash of each stored part, in order; the same hash is the same part on a device.
    """

    name: str
    input_type: str
    size_px: int
    part_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfferedVariant:
    """A variant that the server answers with.

    Args:
        head_id: hash of the stored head.
        validation_accuracy: share in [0, 1].
    """

    id: str
    task: str
    trunk: str
    head_id: str
    validation_accuracy: float


@dataclass(frozen=True, slots=True)
class CatalogListing:
    """All that a server can answer.

    Args:
        description_id: of the piece that describes the catalog as catalog.json does; "" from a server
            that does not offer it.
    """

    input_types: tuple[InputType, ...]
    tasks: tuple[OfferedTask, ...]
    trunks: tuple[OfferedTrunk, ...]
    variants: tuple[OfferedVariant, ...]
    description_id: str = ""
