from __future__ import annotations

import pytest

from catalog.errors import BadInput
from cloud.endpoint import Endpoint, parse_endpoint


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("localhost:50051", Endpoint("localhost", 50051)),
        ("10.0.0.7:0", Endpoint("10.0.0.7", 0)),
        ("[::1]:65535", Endpoint("::1", 65535)),
    ],
)
def test_an_address_is_read_and_written(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text, "--listen") == endpoint
    assert str(endpoint) == text


@pytest.mark.parametrize(
    "text", ["", "localhost", "50051", ":50051", "box:", "box:port", "box:-1", "box:²", "::1:80"]
)
def test_what_is_no_address_is_told_with_the_flag(text: str) -> None:
    with pytest.raises(BadInput, match=r"--listen .*expected HOST:PORT"):
        parse_endpoint(text, "--listen")


def test_a_port_out_of_range_is_told() -> None:
    with pytest.raises(BadInput, match="port 65536: expected 0 to 65535"):
        parse_endpoint("box:65536", "--listen")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_loopback_addresses_are_known(host: str) -> None:
    assert Endpoint(host, 1).loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "box", "localhost.example.org"])
def test_an_address_that_others_can_reach_is_not_loopback(host: str) -> None:
    assert not Endpoint(host, 1).loopback
