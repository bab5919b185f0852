"""MQTT against a real broker: discovery, states, availability, outages, users and TLS."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from catalog.errors import BadInput
from engine.errors import RecipientAway
from engine.sinks.home_assistant import Topics, slug
from engine.sinks.mqtt import Broker, Mqtt
from engine.sinks.sensor_states import Sensor, SensorStates
from tests.engine.media import frame, result
from tests.engine.sinks.dated import several
from tests.engine.sinks.mqtt_broker import MqttBroker, Seen, mqtt_broker, seen_at
from tests.engine.sinks.recipients import LONG_S, delivery_to

TOPICS = Topics("box", "homeassistant")
STATE = "box/clip/who/state"
RESULT = "box/clip/who/result"
CONFIG = "homeassistant/sensor/box/clip_who/config"


def mqtt_to(broker: Broker | int, topics: Topics = TOPICS, every_result: bool = True) -> Mqtt:
    where = Broker("127.0.0.1", broker) if isinstance(broker, int) else broker
    return Mqtt(where, topics, every_result, SensorStates(0.0), LONG_S, time.monotonic)


def connected(broker: MqttBroker, topics: Topics = TOPICS, every_result: bool = True) -> Mqtt:
    mqtt = mqtt_to(broker.port, topics, every_result)
    mqtt.check(LONG_S)
    return mqtt


def windows(seen: Seen) -> list[str]:
    return [json.loads(payload)["window"] for payload in seen.of(RESULT)]


def test_every_result_is_a_message_and_the_newest_the_state_of_a_sensor_that_describes_itself() -> None:
    with mqtt_broker() as broker, seen_at(broker) as seen:
        mqtt = connected(broker)
        mqtt.deliver(several(30))
        seen.wait_for(lambda m: STATE in dict(m))
        mqtt.close()
        seen.wait_for(lambda m: ("box/status", b"offline") in m)
    assert windows(seen) == [f"{i}.digit.0" for i in range(30)]
    (config,) = (json.loads(payload) for payload in seen.of(CONFIG))
    assert (config["name"], config["unique_id"]) == ("who", "box_clip_who")
    assert config["state_topic"] == config["json_attributes_topic"] == STATE
    assert (config["availability_topic"], config["value_template"]) == (
        "box/status",
        "{{ value_json.answer }}",
    )
    assert config["device"] == {"identifiers": ["box"], "name": "box", "manufacturer": "mcdnn"}
    (state,) = (json.loads(payload) for payload in seen.of(STATE))
    assert (state["answer"], state["confidence"], state["variant"], state["place"]) == (
        "7", 0.93, "small/identity", "device",
    )  # fmt: skip
    assert seen.of("box/status") == [b"online", b"offline"]


def test_description_state_and_availability_are_there_for_who_comes_later() -> None:
    with mqtt_broker() as broker:
        mqtt = connected(broker)
        mqtt.deliver(several(3))
        with seen_at(broker) as seen:
            seen.wait_for(lambda m: {CONFIG, STATE, "box/status"} <= {topic for topic, _ in m})
            assert seen.of(RESULT) == []
        mqtt.close()


def test_sensors_are_described_again_when_home_assistant_starts() -> None:
    with mqtt_broker() as broker, seen_at(broker) as seen:
        mqtt = connected(broker)
        mqtt.deliver(several(1))
        seen.wait_for(lambda m: CONFIG in dict(m))
        seen.publish("homeassistant/status", "offline")
        seen.publish("homeassistant/status", "online")
        seen.wait_for(lambda m: [topic for topic, _ in m].count(CONFIG) == 2)
        mqtt.close()


def test_without_discovery_and_single_results_there_are_states_alone() -> None:
    with mqtt_broker() as broker, seen_at(broker) as seen:
        mqtt = connected(broker, Topics("box", ""), every_result=False)
        mqtt.deliver(several(5))
        mqtt.close()
        seen.wait_for(lambda m: ("box/status", b"offline") in m)
    assert {topic for topic, _ in seen.messages} == {"box/status", STATE}


_CONNECTING = """
import sys, threading
from tests.engine.sinks.dated import several
from tests.engine.sinks.test_mqtt import mqtt_to
mqtt = mqtt_to(int(sys.argv[1]))
mqtt.check(30.0)
mqtt.deliver(several(1))
print("delivered", flush=True)
threading.Event().wait()
"""


def test_the_broker_tells_that_a_device_died() -> None:
    with mqtt_broker() as broker, seen_at(broker) as seen:
        words = [sys.executable, "-c", _CONNECTING, str(broker.port)]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"delivered\n"
            process.send_signal(signal.SIGKILL)
        seen.wait_for(lambda m: ("box/status", b"offline") in m)


def test_a_broker_that_dies_and_returns_gets_every_result_in_order_and_all_descriptions() -> None:
    with mqtt_broker() as first:
        mqtt = connected(first)
        sink = delivery_to(mqtt)  # type: ignore[arg-type]
        sink.accept(frame(0), [result(0)])
        with seen_at(first) as seen:
            seen.wait_for(lambda m: CONFIG in dict(m))
        port = first.port
    for i in range(1, 40):
        sink.accept(frame(i), [result(i)])
    with mqtt_broker(port=port) as second, seen_at(second) as seen:
        seen.wait_for(lambda m: [topic for topic, _ in m].count(RESULT) >= 39)
        seen.wait_for(lambda m: {CONFIG, STATE, "box/status"} <= {topic for topic, _ in m})
        sink.close()
    assert windows(seen)[-39:] == [f"{i}.digit.0" for i in range(1, 40)]
    figures = sink.figures()
    assert (figures.accepted, figures.delivered, figures.dropped) == (40, 40, {})
    assert figures.retries > 0


def test_a_broker_that_is_not_there_is_named_and_nothing_is_queued_for_it() -> None:
    with mqtt_broker() as broker:
        port = broker.port
    mqtt = mqtt_to(port)
    mqtt.check(0.0)
    with pytest.raises(RecipientAway, match=f"^MQTT broker 127.0.0.1:{port}: "):
        mqtt.deliver(several(5))
    mqtt.close()


def test_a_user_is_let_in_by_a_password_and_a_wrong_one_is_told_at_once(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text(f"cam:{PasswordHash([Argon2Hasher()]).hash('s3cret')}\n")
    with mqtt_broker(password_file=passwords) as broker:
        good = mqtt_to(Broker("127.0.0.1", broker.port, "cam", "s3cret"))
        good.check(LONG_S)
        good.deliver(several(1))
        good.close()
        bad = mqtt_to(Broker("127.0.0.1", broker.port, "cam", "s3cret but wrong"))
        with pytest.raises(BadInput, match=r": check user and password_file$") as raised:
            bad.check(LONG_S)
    assert "s3cret" not in f"{raised.value}{Broker('a', 1, 'cam', 's3cret')!r}"


# paho lets go of a socket whose handshake failed without closing it; it is closed when it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_is_verified(tmp_path: Path) -> None:
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    for name, blob in (
        ("ca", authority.cert_pem),
        ("cert", own.cert_chain_pems[0]),
        ("key", own.private_key_pem),
    ):
        blob.write_to_path(tmp_path / name)
    listener = {"ssl": True, "certfile": str(tmp_path / "cert"), "keyfile": str(tmp_path / "key")}
    with mqtt_broker(listener=listener) as broker:
        known = mqtt_to(Broker("127.0.0.1", broker.port, encrypted=True, ca=tmp_path / "ca"))
        known.check(LONG_S)
        known.deliver(several(1))
        known.close()
        stranger = mqtt_to(Broker("127.0.0.1", broker.port, encrypted=True))
        told = ""
        while "certificate" not in told:
            with pytest.raises(RecipientAway) as raised:
                stranger.deliver(several(1))
            told = str(raised.value)
        stranger.close()
    assert re.search(r": its certificate is not trusted: (unable to get|self.signed)", told)


def test_names_make_topics_and_ids_that_are_allowed_and_differ() -> None:
    assert slug("front-door_1") == "front-door_1"
    assert slug("a/b") != slug("a+b") != slug("a#b")
    assert re.fullmatch(r"[A-Za-z0-9_-]+", slug("Tür / Hof #1"))


def test_a_sensor_says_its_source_where_there_are_several() -> None:
    sensor = Sensor("yard", "who")
    names = [
        json.loads(Topics("box", "ha", several).description(sensor))["name"] for several in (False, True)
    ]
    assert names == ["who", "yard who"]
