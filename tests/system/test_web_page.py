"""The page in a real browser, about a real engine."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from cloud.tokens import Tokens
from mcdnn.demonstration import catalog_folder
from mcdnn.web.server import PageServer
from mcdnn.web.watched_run import WatchedRun
from tests.mcdnn.web.pages import TIMEOUT_S, Shown, page, shown_engine, until
from tests.system.browser import DESKTOP, PHONE, browser

TOKEN = "a-token-of-the-porch"
WIDTHS = "return [...document.querySelectorAll('.camera img')].map((img) => img.naturalWidth)"


@pytest.fixture(scope="module")
def shown(tiny_catalog: Path) -> Iterator[Shown]:
    budget = {"energy_j": 5000.0, "period": "10m", "memory_mb": 50.0}
    with shown_engine(tiny_catalog, budget=budget) as running:
        yield running


def address(server: PageServer, path: str = "/") -> str:
    return f"http://{server.at}{path}"


def wait(driver: Chrome, holds: Callable[[Chrome], Any]) -> Any:
    return WebDriverWait(driver, TIMEOUT_S).until(holds)


def first(driver: Chrome, selector: str) -> WebElement | None:
    found = driver.find_elements(By.CSS_SELECTOR, selector)
    return found[0] if found and found[0].is_displayed() else None


def texts(driver: Chrome, selector: str) -> list[str]:
    return [element.text for element in driver.find_elements(By.CSS_SELECTOR, selector)]


def whole_text(driver: Chrome) -> str:
    """What can be read; nothing while one page gives way to another."""
    return str(driver.execute_script("return document.body ? document.body.innerText : ''"))


def complaints(driver: Chrome) -> list[str]:
    """What the browser says is wrong, among it everything that the security policy forbids."""
    return [entry["message"] for entry in driver.get_log("browser")]  # type: ignore[no-untyped-call]


def test_live_answers_pictures_and_reasons_appear(shown: Shown) -> None:
    with browser(*DESKTOP) as driver:
        driver.get(address(shown.server))
        chip = wait(driver, lambda d: first(d, '[aria-label="App who"] .chip:not(.none)'))
        assert chip.text.split()[0] in shown.engine.classes_of("who")
        wait(
            driver,
            lambda d: d.execute_script("return document.querySelector('.camera img').naturalWidth") == 640,
        )
        assert wait(driver, lambda d: texts(d, ".why")[1]).endswith(".")
        assert texts(driver, "#status")[0].startswith("Running ")
        wait(driver, lambda d: first(d, "#energy .chart .spent"))
        assert "of 5 kJ" in texts(driver, "#energy .big")[0]
        assert "modelled" in texts(driver, "#energy .origin")
        assert "The run began" in texts(driver, "#happened")[0]
        before = shown.frames
        counted = texts(driver, ".camera figcaption span")
        wait(driver, lambda d: shown.frames > before and texts(d, ".camera figcaption span") != counted)
        assert complaints(driver) == []


def test_a_phone_shows_all_in_one_column(shown: Shown) -> None:
    with browser(*PHONE) as driver:
        driver.get(address(shown.server))
        details = wait(driver, lambda d: first(d, "details summary"))
        details.click()
        wait(driver, lambda d: first(d, ".options .chosen"))
        wait(driver, lambda d: first(d, "#energy .chart"))
        widths = driver.execute_script("return [innerWidth, document.documentElement.scrollWidth]")
        lefts = driver.execute_script(
            "return [...document.querySelectorAll('section')].filter(s => !s.hidden)"
            ".map(s => s.getBoundingClientRect().left)"
        )
    assert widths == [PHONE[0], PHONE[0]]
    assert len(set(lefts)) == 1


def test_two_cameras_are_streamed_and_further_ones_that_are_in_view_asked_for_pictures(
    tiny_catalog: Path,
) -> None:
    sources = [{"uri": f"digits:?seed={i}&fps=5", "name": f"room {i}/{i}"} for i in range(4)]
    with shown_engine(tiny_catalog, None, source=sources) as running, browser(1280, 1600) as driver:
        driver.get(address(running.server))
        wait(driver, lambda d: d.execute_script(WIDTHS) == [640] * 4)
        assert running.server.pictures.viewers == 2
        encoded = running.server.pictures.encoded
        sources_of = "return [...document.querySelectorAll('.camera img')].map((img) => img.currentSrc)"
        asked = driver.execute_script(sources_of)
        assert ["/stream/" in a for a in asked] == [True, True, False, False]
        wait(driver, lambda d: d.execute_script(sources_of) != asked)
        assert running.server.pictures.encoded > encoded
        assert complaints(driver) == []


def test_what_is_wrong_is_told_in_words_and_a_lost_camera_says_why(tiny_catalog: Path) -> None:
    sources = [
        {"uri": "rtsp://admin:secret@127.0.0.1:1/door", "name": "door", "timeout_s": 0.5},
        {"uri": "digits:?seed=7&fps=5", "name": "hall"},
    ]
    with shown_engine(tiny_catalog, None, source=sources) as running, browser(*PHONE) as driver:
        driver.get(address(running.server))
        trouble = wait(driver, lambda d: first(d, ".trouble"))
        assert "Gives no frames: rtsp://127.0.0.1:1/door" in trouble.text
        assert wait(driver, lambda d: texts(d, "#wrong")[0]) == "A source gives no frames."
        wait(driver, lambda d: "door: gives no frames" in texts(d, "#happened")[0])
        assert "secret" not in whole_text(driver)
        header = driver.find_element(By.TAG_NAME, "header")
        assert header.size["height"] < 80
        assert driver.execute_script("return document.documentElement.scrollWidth") == PHONE[0]


def test_pictures_stop_when_the_page_is_left(shown: Shown) -> None:
    with browser(*DESKTOP) as driver:
        driver.get(address(shown.server))
        until(lambda: shown.server.pictures.viewers == 1)
        driver.get("about:blank")
        until(lambda: shown.server.pictures.viewers == shown.server.topics.listeners == 0)


def test_only_who_has_a_token_sees_anything() -> None:
    with page(Tokens({TOKEN: "porch"})) as server, browser(*PHONE) as driver:
        driver.get(address(server))
        assert driver.execute_script("return document.documentElement.scrollWidth") == PHONE[0]
        for token, expected in (("a-token-of-nobody", "This token is not known here."), (TOKEN, "Starting")):
            driver.find_element(By.ID, "token").send_keys(token)
            driver.find_element(By.TAG_NAME, "button").click()
            wait(driver, lambda d, text=expected: text in whole_text(d))
        assert TOKEN not in driver.current_url
        assert driver.execute_script("return document.cookie") == ""
        driver.find_element(By.TAG_NAME, "button").click()
        wait(driver, lambda d: first(d, "#token"))


def test_a_token_in_the_address_leaves_it() -> None:
    with page(Tokens({TOKEN: "porch"})) as server, browser(*PHONE) as driver:
        driver.get(address(server, f"/?token={TOKEN}"))
        wait(driver, lambda d: "Starting" in whole_text(d))
        assert driver.current_url == address(server)


def test_a_lost_connection_is_told_and_found_again() -> None:
    with page() as server, browser(*DESKTOP) as driver:
        driver.get(address(server))
        wait(driver, lambda d: texts(d, "#status") == ["Starting"])
        server.close()
        wait(driver, lambda d: first(d, "#lost"))
        assert texts(driver, "#status") == ["Connection lost"]
        again = PageServer(WatchedRun("again", lambda: None), server.at)
        wait(driver, lambda d: not first(d, "#lost"))
        assert texts(driver, "#title") == ["again"]
        again.close()


@pytest.mark.parametrize(("name", "size", "height"), [("desktop", DESKTOP, 1700), ("phone", PHONE, 2000)])
def test_pictures_for_the_documents(
    request: pytest.FixtureRequest, tmp_path: Path, name: str, size: tuple[int, int], height: int
) -> None:
    """Two cameras, four apps and a budget that not everything can be had for."""
    folder: Path | None = request.config.getoption("--screenshots")
    if folder is None:
        pytest.skip("only with --screenshots DIR")
    profile = tmp_path / "box.toml"
    profile.write_text('name = "box"\nsource = "made up"\nbase_w = 0.02\nprocessor_w = 6.0\n')
    sources = [{"uri": f"digits:?seed={i}&fps=10", "name": name} for i, name in ((7, "hall"), (8, "yard"))]
    questions = {"digit": "identity", "odd": "parity", "small": "below_five", "loop": "closed_loop"}
    with (
        shown_engine(
            catalog_folder(),
            None,
            source=sources,
            app=[{"name": n, "task": t, "latency_limit_s": 0.5} for n, t in questions.items()],
            budget={"energy_j": 17.0, "period": "90s", "memory_mb": 3.0},
            device={"profile": str(profile)},
        ) as running,
        browser(*size) as driver,
    ):
        driver.get(address(running.server))
        until(lambda: running.summaries[0].latest.t_s > 50.0)
        wait(driver, lambda d: d.execute_script(WIDTHS) == [640, 640])
        wait(driver, lambda d: first(d, "#energy .chart"))
        folder.mkdir(parents=True, exist_ok=True)
        save(driver, size[0], height, folder / f"web-{name}.png")


def save(driver: Chrome, width: int, height: int, path: Path) -> None:
    """Write the page, cut to a height, in few colours."""
    whole = driver.execute_script("return document.documentElement.scrollHeight")
    clip = {
        "x": 0,
        "y": 0,
        "width": width,
        "height": min(height, whole),
        "scale": 0.5 if width > 500 else 1.0,
    }
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    picture = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    picture.quantize(256, kmeans=2).save(path, optimize=True)
