"""How Home Assistant finds sensors by itself: topics, and the message that describes each sensor.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import orjson

from engine.sinks.dated_results import DatedResult, dated_to_row
from engine.sinks.sensor_states import Sensor

ONLINE, OFFLINE = b"online", b"offline"


@dataclass(frozen=True, slots=True)
class Topics:
    """Where messages go.

    Args:
        prefix: of all topics of this device.
        discovery: where Home Assistant looks for sensors; "" for none.
        several: whether there are several sources, so that a sensor's name has to say which.
    """

    prefix: str
    discovery: str
    several: bool = False

    @property
    def status(self) -> str:
        """Whether this device delivers: "online" or "offline", retained."""
        return f"{self.prefix}/status"

    @property
    def hub_status(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.discovery}/status"

    def result(self, sensor: Sensor) -> str:
        """Return where every result goes."""
        return f"{self.prefix}/{slug(sensor.source)}/{slug(sensor.app)}/result"

    def state(self, sensor: Sensor) -> str:
        """Return where the state of a sensor goes, retained."""
        return f"{self.prefix}/{slug(sensor.source)}/{slug(sensor.app)}/state"

    def config(self, sensor: Sensor) -> str:
        """Return where the description of a sensor goes, retained."""
        return f"{self.discovery}/sensor/{slug(self.prefix)}/{_object_id(sensor)}/config"

    def description(self, sensor: Sensor) -> bytes:
        """Return the description: state = answer, everything else of the result as attributes."""
        device = slug(self.prefix)
        config: dict[str, Any] = {
            "name": f"{sensor.source} {sensor.app}" if self.several else sensor.app,
            "unique_id": f"{device}_{_object_id(sensor)}",
            "state_topic": self.state(sensor),
            "value_template": "{{ value_json.answer }}",
            "json_attributes_topic": self.state(sensor),
            "availability_topic": self.status,
            "payload_available": ONLINE.decode(),
            "payload_not_available": OFFLINE.decode(),
            "icon": "mdi:eye",
            "device": {"identifiers": [device], "name": self.prefix, "manufacturer": "mcdnn"},
            "origin": {"name": "mcdnn"},
        }
        return orjson.dumps(config)


def state_message(dated: DatedResult) -> bytes:
    """Return what a sensor shows; an answer of null is "unknown" there."""
    return orjson.dumps(dated_to_row(dated))


def slug(name: str) -> str:
    """Return a name for ids and topics, of letters, digits, _ and -; different ones stay different."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name)
    return plain if plain == name else f"{plain}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _object_id(sensor: Sensor) -> str:
    return f"{slug(sensor.source)}_{slug(sensor.app)}"
