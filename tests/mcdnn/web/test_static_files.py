"""The page's own files: whole, allowed by its own security policy, and part of an installation."""

from __future__ import annotations

import re
from importlib import resources

import pytest

STATIC = resources.files("mcdnn.web") / "static"
FILES = sorted(f.name for f in STATIC.iterdir())
PAGES = [name for name in FILES if name.endswith(".html")]
SCRIPTS = [name for name in FILES if name.endswith(".js")]


def text(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_only_files_that_are_there(name: str) -> None:
    named = set(re.findall(r'(?:src|href)="static/([^"]+)"', text(name)))
    assert named and named <= set(FILES)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_imports_only_what_is_there(name: str) -> None:
    assert {m.removeprefix("./") for m in re.findall(r'from "([^"]+)"', text(name))} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_elsewhere_and_nothing_is_written_inline(name: str) -> None:
    content = text(name).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|<script(?![^>]*src=)|\sstyle=|\son\w+=\"|innerHTML|eval\(", content)
