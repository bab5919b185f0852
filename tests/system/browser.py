"""Chromium without a window, driven as a person drives it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

PHONE = (390, 844)
DESKTOP = (1280, 900)


@contextmanager
def browser(width_px: int, height_px: int, dark: bool = False) -> Iterator[Chrome]:
    """Give a browser whose pages are so wide and high, phone-like where they are narrow."""
    options = ChromeOptions()
    options.binary_location = _program("chromium")
    options.add_argument("--headless=new")
    options.add_argument(f"--window-size={width_px},{height_px}")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which Chromium refuses to set up for root
    metrics = {"width": width_px, "height": height_px, "pixelRatio": 2.0, "touch": width_px < height_px}
    options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    # It never removes what it keeps for a session, and goes on writing after its driver has ended.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        service = Service(_program("chromedriver"), env={**os.environ, "TMPDIR": folder})
        driver = Chrome(options, service)
        try:
            feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
            yield driver
        finally:
            driver.quit()


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed: make test-system installs it")
    return found
