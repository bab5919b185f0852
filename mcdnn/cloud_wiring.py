"""[cloud] of ENGINE.toml becomes the way to a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catalog.devices import DeviceProfile, RadioProfile
from catalog.errors import BadInput, MissingExtra
from engine.offload import NoCloud, Offload
from engine.reachable_cloud import FREE, NO_RADIO, ReachableCloud
from engine.scheduling.cloud_options import CloudPrices
from mcdnn.engine_file import CloudTable


@dataclass(frozen=True, slots=True)
class CloudSetup:
    """A configured cloud, read and checked.

    Args:
        connect: makes the way to it, anew for each run.
        radio: of the device.
        prices: of the cloud.
        call_j: see ReachableCloud.
    """

    connect: Callable[[], Offload] = NoCloud
    radio: RadioProfile = NO_RADIO
    prices: CloudPrices = FREE
    call_j: float = 0.0

    def open(self) -> ReachableCloud:
        """Begin to connect; whoever calls closes the offload of what is returned."""
        return ReachableCloud(self.connect(), self.radio, self.prices, self.call_j)


def read_cloud(table: CloudTable | None, profile: DeviceProfile) -> CloudSetup:
    """Read what [cloud] names.

    Raises:
        BadInput: the endpoint, a file or the radio is wrong, by key.
        MissingExtra: what talks to a server is not installed.
    """
    if table is None:
        return CloudSetup()
    radio = _radio(table, profile)
    prices = CloudPrices(table.usd_per_s, table.usd_per_byte)
    return CloudSetup(_connecting(table), radio, prices, profile.processor_energy_j(table.processor_s))


def _connecting(table: CloudTable) -> Callable[[], Offload]:
    try:
        from cloud.credentials import read_credentials
        from cloud.offloading import CloudOffload
    except ModuleNotFoundError as e:
        raise MissingExtra(e.name or "a package", "cloud", "using a cloud") from e
    from cloud.endpoint import parse_endpoint

    endpoint = parse_endpoint(table.endpoint, "cloud.endpoint")
    encrypted = not endpoint.loopback if table.tls is None else table.tls
    encrypted = encrypted or table.ca is not None or table.certificate is not None
    credentials = read_credentials(
        _path(table.ca), _path(table.certificate), _path(table.key), _path(table.token_file), encrypted
    )
    credentials.check(endpoint)
    return lambda: CloudOffload(endpoint, credentials=credentials)


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
