"""From [[sink]] tables to sinks: for each kind a function that checks its table and tells how to open it."""

from __future__ import annotations

import logging
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from catalog.errors import BadInput, MissingExtra
from engine.sinks.database import Database
from engine.sinks.delivery import Delivery, Manner, Recipient
from engine.sinks.delivery_account import DeliveryAccount
from engine.sinks.outbox import MemoryOutbox, Outbox
from engine.sinks.rotated_lines import RotatedLines
from engine.sinks.spool import Spool
from engine.sinks.webhook import Webhook, parse_web_address
from engine.sources.choosing import OpenSource
from engine.sources.retrying import BackOff, Patience
from mcdnn.sink_tables import DatabaseTable, JsonLinesTable, MqttTable, WebhookTable

_log = logging.getLogger(__name__)

_FILE_BATCH = 1000
_PATIENCE = Patience(least_pause_s=0.5, most_pause_s=30.0)
# What asks here whether there is a connection is free; making one has pauses of its own.
_MQTT_PATIENCE = Patience(least_pause_s=0.25, most_pause_s=1.0)
_MEGABYTE = 1_000_000
_FIRST_WORD_S = 2.0
_MQTT_PORT, _MQTTS_PORT = 1883, 8883


@dataclass(frozen=True, slots=True)
class Occasion:
    """What sinks have to know of the run that they are opened for.

    Args:
        run: its id.
        live: whether its sources cannot wait.
        several: whether there are several.
    """

    run: str
    live: bool
    several: bool


def occasion_of(sources: Sequence[OpenSource]) -> Occasion:
    """Return what sinks have to know of a run that begins now on these sources."""
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}"
    return Occasion(run, any(s.drops for s in sources), len(sources) > 1)


@dataclass(frozen=True, slots=True)
class SinkSetup:
    """A configured sink, checked.

    Args:
        name: of the sink.
        table: its [[sink]].
        make: makes the recipient, anew for each run.
        patience: when results are offered again.
    """

    name: str
    table: Any
    make: Callable[[Occasion], Recipient]
    patience: Patience = _PATIENCE

    def open(self, occasion: Occasion) -> Delivery:
        """Make the sink and its thread.

        Raises:
            BadInput: a file or folder cannot be written, or a broker refuses the user.
        """
        folder = getattr(self.table, "spool", None)
        account = DeliveryAccount(self.name, spooled=folder is not None)
        recipient = self.make(occasion)
        try:
            outbox = self._outbox(folder, account)
        except BaseException:
            recipient.close()
            raise
        manner = Manner(getattr(self.table, "batch", _FILE_BATCH), self.table.gather_s)
        back_off = BackOff(self.patience, Random())
        live, run = occasion.live, occasion.run
        return Delivery(recipient, outbox, account, manner, live, run, back_off, time.time, time.monotonic)

    def _outbox(self, folder: str | None, account: DeliveryAccount) -> Outbox:
        if folder is None:
            return MemoryOutbox(self.table.queue, account.dropped)
        spool = Spool(Path(folder), round(self.table.spool_mb * _MEGABYTE), account.dropped, time.monotonic)
        account.recovered(spool.recovered)
        return spool


def read_sinks(tables: Sequence[Any]) -> tuple[SinkSetup, ...]:
    """Check what [[sink]] tables name; nothing is written or connected to.

    Raises:
        BadInput: a URL, a broker or a file that is named is wrong, by key.
        MissingExtra: a package is not installed.
    """
    return tuple(_KINDS[table.kind](table, f"sink.{i}.{table.kind}") for i, table in enumerate(tables))


def open_sinks(setups: Sequence[SinkSetup], occasion: Occasion) -> list[Delivery]:
    """Open sinks for a run; where one fails, those before it are closed.

    Raises:
        BadInput: see SinkSetup.open.
    """
    with ExitStack() as undo:
        opened = [_undone(setup.open(occasion), undo) for setup in setups]
        undo.pop_all()
    return opened


def _undone(sink: Delivery, undo: ExitStack) -> Delivery:
    undo.callback(sink.close)
    return sink


def _json_lines(table: JsonLinesTable, where: str) -> SinkSetup:
    path, max_bytes = _file(table.path, f"{where}.path"), round(table.max_mb * _MEGABYTE)
    return SinkSetup(
        table.name or str(path),
        table,
        lambda _: RotatedLines(path, max_bytes, table.max_age_s, table.keep, time.time),
    )


def _database(table: DatabaseTable, where: str) -> SinkSetup:
    path, max_bytes = _file(table.path, f"{where}.path"), round(table.max_mb * _MEGABYTE)
    return SinkSetup(
        table.name or str(path), table, lambda _: Database(path, max_bytes, table.max_age_s, time.time)
    )


def _webhook(table: WebhookTable, where: str) -> SinkSetup:
    address = parse_web_address(table.url, f"{where}.url")
    headers = {name: _header(name, value, f"{where}.headers") for name, value in table.headers.items()}
    if table.token_file is not None:
        headers["Authorization"] = f"Bearer {_secret(table.token_file, f'{where}.token_file')}"
        if address.scheme == "http":
            _log.warning("%s: the token goes to %s unencrypted", where, address)
    ca = _authority(table.ca, f"{where}.ca")
    return SinkSetup(
        table.name or f"webhook {address}", table, lambda _: Webhook(address, headers, table.timeout_s, ca)
    )


def _mqtt(table: MqttTable, where: str) -> SinkSetup:
    try:
        from engine.sinks.mqtt import Broker, Mqtt
    except ModuleNotFoundError as e:
        raise MissingExtra(e.name or "a package", "mqtt", 'a sink of kind "mqtt"') from e
    from engine.sinks.home_assistant import Topics
    from engine.sinks.sensor_states import SensorStates

    host, port = _broker(table.broker, _MQTTS_PORT if table.tls else _MQTT_PORT, f"{where}.broker")
    password = _secret(table.password_file, f"{where}.password_file") if table.password_file else None
    broker = Broker(host, port, table.user, password, table.tls, _authority(table.ca, f"{where}.ca"))
    prefix = table.prefix or f"mcdnn/{socket.gethostname()}"

    def make(occasion: Occasion) -> Recipient:
        topics = Topics(prefix, table.discovery_prefix, occasion.several)
        states = SensorStates(table.state_every_s)
        mqtt = Mqtt(broker, topics, table.every_result, states, table.timeout_s, time.monotonic)
        mqtt.check(_FIRST_WORD_S)
        return mqtt

    return SinkSetup(table.name or f"mqtt {broker}", table, make, _MQTT_PATIENCE)


_KINDS: dict[str, Callable[[Any, str], SinkSetup]] = {
    "jsonl": _json_lines,
    "sqlite": _database,
    "webhook": _webhook,
    "mqtt": _mqtt,
}


def _file(given: str, where: str) -> Path:
    path = Path(given)
    if path.is_dir():
        raise BadInput(f"{where}: {path} is a folder: expected the name of a file")
    above = next(p for p in path.absolute().parents if p.exists())
    if not above.is_dir():
        raise BadInput(f"{where}: {above} is no folder")
    return path


def _secret(given: str, where: str) -> str:
    """Return the one line of a file."""
    try:
        secret = Path(given).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise BadInput(f"{where}: {given}: {getattr(e, 'strerror', None) or 'not a text file'}") from e
    if not secret.isprintable() or not secret or not secret.isascii():
        raise BadInput(f"{where}: {given}: expected one line with the secret and nothing else")
    return secret


def _header(name: str, value: str, where: str) -> str:
    if not (name.isascii() and name.replace("-", "").isalnum()):
        raise BadInput(f"{where}: {name!r} is no name of a header")
    if not (value.isprintable() and value.isascii()):
        raise BadInput(f"{where}.{name}: expected one line of ASCII letters")
    return value


def _authority(given: str | None, where: str) -> Path | None:
    if given is None:
        return None
    try:
        ssl.create_default_context(cafile=given)
    except OSError as e:  # SSLError is one
        raise BadInput(f"{where}: {given}: {e.strerror or 'expected certificates as PEM'}") from e
    return Path(given)


def _broker(given: str, port: int, where: str) -> tuple[str, int]:
    found = re.fullmatch(r"([A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?", given)
    if found is None or ".." in given:
        raise BadInput(f"{where}: expected HOST or HOST:PORT, got {given!r}")
    number = port if found[2] is None else int(found[2])
    if not 0 < number < 65536:
        raise BadInput(f"{where}: expected a port from 1 to 65535, got {number}")
    return found[1].strip("[]"), number
