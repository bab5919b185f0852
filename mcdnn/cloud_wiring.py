"""[cloud] of ENGINE.toml becomes the way to a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.devices import DeviceProfile, RadioProfile
from catalog.errors import BadInput, MissingExtra
from catalog.store import Catalog
from engine.offload import NoCloud, Offload
from engine.reachable_cloud import FREE, NO_RADIO, ReachableCloud
from engine.scheduling.cloud_options import CloudPrices
from mcdnn.engine_file import CloudTable
from specializer.head_trainer import HeadTrainer

if TYPE_CHECKING:
    from cloud.encodings import Encodings


@dataclass(frozen=True, slots=True)
class CloudSetup:
    """A configured cloud, read and checked.

    Args:
        connect: makes the way to it, anew for each run.
        radio: of the device.
        prices: of the cloud.
        call_j: see ReachableCloud.
        trainer: of heads there; None where no cloud is configured.
    """

    connect: Callable[[], Offload] = NoCloud
    radio: RadioProfile = NO_RADIO
    prices: CloudPrices = FREE
    call_j: float = 0.0
    trainer: Callable[[], HeadTrainer] | None = None

    def open(self) -> ReachableCloud:
        """Begin to connect; whoever calls closes the offload of what is returned."""
        return ReachableCloud(self.connect(), self.radio, self.prices, self.call_j)


def read_cloud(table: CloudTable | None, profile: DeviceProfile, catalog: Catalog) -> CloudSetup:
    """Read what [cloud] names.

    Args:
        table: None for no cloud.
        profile: of the device.
        catalog: tells which JPEG its variants bear.

    Raises:
        BadInput: the endpoint, a file or the radio is wrong, by key.
        MissingExtra: what talks to a server is not installed.
    """
    if table is None:
        return CloudSetup()
    radio = _radio(table, profile)
    prices = CloudPrices(table.usd_per_s, table.usd_per_byte)
    connect, trainer = _connecting(table, catalog)
    call_j = profile.processor_energy_j(table.processor_s)
    return CloudSetup(connect, radio, prices, call_j, trainer)


def _connecting(
    table: CloudTable, catalog: Catalog
) -> tuple[Callable[[], Offload], Callable[[], HeadTrainer]]:
    """Return what makes the way to the server for requests, and for orders of heads."""
    try:
        from cloud.credentials import read_credentials, uses_tls
        from cloud.offloading import CloudOffload
        from cloud.remote_trainer import RemoteHeadTrainer
    except ModuleNotFoundError as e:
        raise MissingExtra(e.name or "a package", "cloud", "using a cloud") from e
    from cloud.endpoint import parse_endpoint

    endpoint = parse_endpoint(table.endpoint, "cloud.endpoint")
    certificates = table.ca is not None or table.certificate is not None
    encrypted = uses_tls(endpoint, table.tls, certificates)
    credentials = read_credentials(
        _path(table.ca), _path(table.certificate), _path(table.key), _path(table.token_file), encrypted
    )
    credentials.check(endpoint)
    encodings = _encodings(table, catalog)
    return (
        lambda: CloudOffload(endpoint, encodings, credentials),
        lambda: RemoteHeadTrainer(endpoint, catalog, credentials),
    )


def _encodings(table: CloudTable, catalog: Catalog) -> Encodings:
    """Return the encoding that is named, or those that were measured for the catalog."""
    from cloud.encodings import Encodings, jpeg_encodings, measured_encodings
    from cloud.window_encoding import PNG, RAW

    if table.jpeg_quality is not None:
        return jpeg_encodings(catalog, table.jpeg_quality)
    if table.encoding == "measured":
        return measured_encodings(catalog)
    return Encodings(PNG if table.encoding == "png" else RAW)


def _path(given: str | None) -> Path | None:
    return None if given is None else Path(given)


def _radio(table: CloudTable, profile: DeviceProfile) -> RadioProfile:
    """Return the radio that is named, or the only one that the device has."""
    radios = profile.radios
    if table.radio is not None:
        if table.radio not in radios:
            raise BadInput(
                f"cloud.radio = {table.radio!r}: device profile {profile.name} has {sorted(radios) or 'none'}"
            )
        return radios[table.radio]
    if len(radios) > 1:
        raise BadInput(
            f"cloud.radio: device profile {profile.name} has {sorted(radios)}: say which one is used"
        )
    return next(iter(radios.values()), NO_RADIO)
