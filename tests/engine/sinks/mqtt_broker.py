"""A real MQTT broker on loopback, in a process that can be killed, and a client that keeps what it sees."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

LONG_S = 30.0

_SERVING = """
import asyncio, json, sys
from amqtt.broker import Broker

async def serve():
    await Broker(json.loads(sys.argv[1])).start()
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(serve())
"""


class MqttBroker:
    """A broker that lets everybody in, or one user.

    Args:
        port: 0 for a free one.
        listener: more settings of how it listens.
        password_file: of the users that it lets in; None for everybody.
    """

    def __init__(
        self, port: int = 0, listener: dict[str, Any] | None = None, password_file: Path | None = None
    ) -> None:
        self.port = port or _free_port()
        plugin = ("AnonymousAuthPlugin", {"allow_anonymous": True})
        if password_file is not None:
            plugin = ("FileAuthPlugin", {"password_file": str(password_file)})
        bind = {"type": "tcp", "bind": f"127.0.0.1:{self.port}", **(listener or {})}
        name, settings = plugin
        config = {
            "listeners": {"default": bind},
            "plugins": {f"amqtt.plugins.authentication.{name}": settings},
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVING, json.dumps(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def mqtt_broker(**settings: Any) -> Iterator[MqttBroker]:
    broker = MqttBroker(**settings)
    try:
        yield broker
    finally:
        broker.kill()


class Seen:
    """A subscriber to everything, which comes back by itself.

    Args:
        port: of the broker.
    """

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(LONG_S)

    def wait_for(self, holds: Callable[[list[tuple[str, bytes]]], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self.messages), LONG_S), self.messages

    def publish(self, topic: str, payload: str) -> None:
        self._client.publish(topic, payload, 1).wait_for_publish(LONG_S)

    def of(self, topic: str) -> list[bytes]:
        with self._changed:
            return [payload for t, payload in self.messages if t == topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: paho.Client, _user: Any, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.messages.append((message.topic, message.payload))
            self._changed.notify_all()


@contextmanager
def seen_at(broker: MqttBroker) -> Iterator[Seen]:
    seen = Seen(broker.port)
    try:
        yield seen
    finally:
        seen.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
