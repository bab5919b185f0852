from __future__ import annotations

import pytest

from catalog.errors import BadInput
from cloud.endpoint import Endpoint
from mcdnn.web.address import check_exposure, parse_address


def test_a_port_alone_is_of_this_machine() -> None:
    assert parse_address(":8080") == Endpoint("localhost", 8080)
    assert parse_address("0.0.0.0:8080") == Endpoint("0.0.0.0", 8080)


@pytest.mark.parametrize("text", ["8080", ":", "cams.example", ":http"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--web"):
        parse_address(text)


def test_an_address_for_others_needs_tokens() -> None:
    with pytest.raises(BadInput, match=r"--web 0\.0\.0\.0:1: .*--web-token-file FILE.*--web :1"):
        check_exposure(Endpoint("0.0.0.0", 1), tokens=False)
    check_exposure(Endpoint("0.0.0.0", 1), tokens=True)
    check_exposure(Endpoint("::1", 1), tokens=False)
