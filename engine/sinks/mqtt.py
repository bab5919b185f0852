"""Results as MQTT messages, and sensors in Home Assistant; paho-mqtt connects, again and again."""

from __future__ import annotations

import logging
import ssl
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from catalog.errors import BadInput
from engine.errors import RecipientAway
from engine.sinks.dated_results import DatedResult, dated_to_line
from engine.sinks.home_assistant import OFFLINE, ONLINE, Topics, state_message
from engine.sinks.sensor_states import Sensor, SensorStates

# Of what paho says, errors in the functions that it calls back: the rest are outages, told elsewhere.
_paho_log = logging.getLogger(f"{__name__}.paho")
_paho_log.addFilter(lambda record: str(record.msg).startswith("Caught exception"))

_KEEPALIVE_S = 30
_LEAST_PAUSE_S, _MOST_PAUSE_S = 1, 10
_LOOK_UP_S = 0.1
_FAREWELL_S = 1.0
_MOST_QUEUED = 50_000
_REFUSALS = ("Not authorized", "Bad user name or password")
_QOS = 1  # at least once


@dataclass(frozen=True, slots=True)
class Broker:
    """Where messages go.

    Args:
        host: name or address.
        port: of the broker.
        user: that it knows; None for nobody.
        password: never shown.
        encrypted: whether to connect by TLS.
        ca: PEM file of who signed its certificate; None for those that the system trusts.
    """

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    encrypted: bool = False
    ca: Path | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Mqtt:
    """A recipient that publishes each result and the state of sensors; taken is what the broker confirms.

    Connects in the background. What the broker has not confirmed when the connection breaks is sent
    again on the next one.

    Args:
        broker: where to.
        topics: of this device.
        every_result: whether each result is a message of its own, too.
        states: what sensors show.
        timeout_s: in which the broker has to confirm a batch.
        clock: monotonic.
    """

    def __init__(
        self,
        broker: Broker,
        topics: Topics,
        every_result: bool,
        states: SensorStates,
        timeout_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._every_result = every_result
        self._states = states
        self._timeout_s = timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._described: dict[Sensor, None] = {}
        self._answered = threading.Event()
        self._interrupted = threading.Event()
        self._why = "no connection yet"
        self._batch: Sequence[DatedResult] = ()
        self._unconfirmed: list[paho.MQTTMessageInfo] = []
        self._client = self._make_client(timeout_s)
        self._client.connect_async(broker.host, broker.port, _KEEPALIVE_S)
        self._client.loop_start()

    def check(self, wait_s: float) -> None:
        """Wait for the broker's first word, if it comes soon.

        Raises:
            BadInput: it refuses the user or the password.
        """
        if self._answered.wait(wait_s) and self._why in _REFUSALS:
            self._client.disconnect()
            self._client.loop_stop()
            raise BadInput(f"MQTT broker {self._broker}: {self._why}: check user and password_file")

    def deliver(self, results: Sequence[DatedResult]) -> None:
        """Publish a batch and wait until the broker has confirmed all of it; see Recipient."""
        if results is not self._batch:
            self._publish_all(results)
        self._wait_for_all()
        self._batch = ()

    def interrupt(self) -> None:
        """Stop waiting for the broker; see Recipient."""
        self._interrupted.set()

    def close(self) -> None:
        """Say that this device is gone, and disconnect; see Recipient."""
        if self._client.is_connected():
            farewell = self._client.publish(self._topics.status, OFFLINE, _QOS, retain=True)
            if farewell.rc == paho.MQTT_ERR_SUCCESS:
                farewell.wait_for_publish(_FAREWELL_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _make_client(self, timeout_s: float) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.connect_timeout = timeout_s
        client.suppress_exceptions = True  # they would end paho's thread, and nothing would connect again
        client.enable_logger(_paho_log)
        client.max_queued_messages_set(_MOST_QUEUED)
        client.reconnect_delay_set(_LEAST_PAUSE_S, _MOST_PAUSE_S)
        client.will_set(self._topics.status, OFFLINE, _QOS, retain=True)
        if self._broker.user is not None:
            client.username_pw_set(self._broker.user, self._broker.password)
        if self._broker.encrypted:
            client.tls_set_context(ssl.create_default_context(cafile=self._broker.ca))
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _publish_all(self, results: Sequence[DatedResult]) -> None:
        if not self._client.is_connected():
            raise self._away(self._why)
        states = self._states.news(results)
        self._describe(states)
        messages = []
        if self._every_result:
            messages = [(self._topics.result(_sensor(r)), dated_to_line(r)[:-1], False) for r in results]
        messages += [(self._topics.state(s), state_message(r), True) for s, r in states.items()]
        published = [self._client.publish(t, data, _QOS, retain) for t, data, retain in messages]
        if any(p.rc != paho.MQTT_ERR_SUCCESS for p in published):
            raise self._away("the connection broke off")
        self._batch, self._unconfirmed = results, published
        self._states.show(states, results)

    def _wait_for_all(self) -> None:
        deadline_s = self._clock() + self._timeout_s
        while self._unconfirmed:
            if self._unconfirmed[-1].is_published():
                self._unconfirmed.pop()
            elif not self._client.is_connected():
                raise self._away(self._why)
            elif self._interrupted.is_set() or self._clock() >= deadline_s:
                raise self._away(f"does not confirm within {self._timeout_s:g} s")
            else:
                self._unconfirmed[-1].wait_for_publish(_LOOK_UP_S)

    def _describe(self, sensors: Any) -> None:
        """Tell Home Assistant of sensors that it was not told of."""
        with self._lock:
            new = [s for s in sensors if s not in self._described]
            self._described.update(dict.fromkeys(new))
        self._send_descriptions(new)

    def _send_descriptions(self, sensors: Sequence[Sensor]) -> None:
        if self._topics.discovery:
            for sensor in sensors:
                config, description = self._topics.config(sensor), self._topics.description(sensor)
                self._client.publish(config, description, _QOS, retain=True)

    def _send_all_descriptions(self) -> None:
        with self._lock:
            sensors = list(self._described)
        self._send_descriptions(sensors)

    def _on_connect(self, client: paho.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        self._why = str(reason)
        if not reason.is_failure:
            client.publish(self._topics.status, ONLINE, _QOS, retain=True)
            if self._topics.discovery:
                client.subscribe(self._topics.hub_status, _QOS)
            self._send_all_descriptions()
        self._answered.set()

    def _on_connect_fail(self, _client: paho.Client, _u: Any) -> None:
        self._why = _told(sys.exception())  # paho calls this while it handles the error

    def _on_disconnect(self, _c: paho.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        if self._why not in _REFUSALS:
            self._why = f"the connection was lost ({reason})"

    def _on_message(self, _client: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        if message.topic == self._topics.hub_status and message.payload == ONLINE:
            self._send_all_descriptions()

    def _away(self, why: str) -> RecipientAway:
        return RecipientAway(f"MQTT broker {self._broker}: {why}")


def _sensor(dated: DatedResult) -> Sensor:
    return Sensor(dated.result.source, dated.result.app)


def _told(failure: BaseException | None) -> str:
    """Return why there is no connection."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {failure.verify_message}"
    if isinstance(failure, TimeoutError):
        return "no answer"
    return getattr(failure, "strerror", None) or "cannot be reached"
