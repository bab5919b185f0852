from __future__ import annotations

import pytest

from tests.system.browser import DESKTOP, PHONE, browser


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_a_page_is_as_large_as_asked_for(size: tuple[int, int]) -> None:
    with browser(*size) as driver:
        driver.get("data:text/html,<meta name=viewport content=width=device-width><title>here</title>")
        seen = driver.execute_script("return [document.title, innerWidth, innerHeight]")
    assert seen == ["here", *size]
