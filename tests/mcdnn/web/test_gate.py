"""Who is let in, by real requests."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import Response

from cloud.tokens import Tokens
from mcdnn.web.gate import Cookies
from mcdnn.web.server import PageServer
from tests.mcdnn.web.pages import ask, page

TOKEN, OTHER = "a-token-of-the-porch", "a-token-of-nobody-here"
CLOSED = ["/events", "/stream/a.mjpg", "/snapshot/a.jpg", "/api/state", "/metrics", "/none"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"porch:{token}".encode()).decode()}


@pytest.fixture(scope="module")
def guarded() -> Iterator[PageServer]:
    with page(Tokens({TOKEN: "porch"})) as server:
        yield server


@pytest.fixture(scope="module")
def free() -> Iterator[PageServer]:
    with page() as server:
        yield server


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("headers", [{}, bearer(OTHER), basic(OTHER), {"Cookie": "mcdnn=9999999999.0"}])
def test_nothing_is_told_without_a_token(guarded: PageServer, path: str, headers: dict[str, str]) -> None:
    answer = ask(guarded.at, path, headers)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("headers", [bearer(TOKEN), basic(TOKEN)])
def test_a_token_lets_a_program_in(guarded: PageServer, headers: dict[str, str]) -> None:
    assert ask(guarded.at, "/api/state", headers).status == 200


@pytest.mark.parametrize("header", ["Basic !", "Basic ", "Basic " + b64encode(b"\xff").decode(), "Bearer "])
def test_a_malformed_header_is_a_wrong_token(guarded: PageServer, header: str) -> None:
    assert ask(guarded.at, "/api/state", {"Authorization": header}).status == 401


def test_a_person_logs_in_by_a_form_and_out_again(guarded: PageServer) -> None:
    asked = ask(guarded.at, "/")
    assert asked.status == 401 and b"<form" in asked.body
    answer = ask(guarded.at, "/login", form=f"token={TOKEN}")
    assert answer.status == 200
    words = answer.headers["set-cookie"].lower()
    assert "httponly" in words and "samesite=strict" in words and "secure" not in words
    assert TOKEN not in answer.headers["set-cookie"]
    let_in = ask(guarded.at, "/", {"Cookie": answer.cookie})
    assert let_in.status == 200 and b"Log out" in let_in.body
    assert ask(guarded.at, "/api/state", {"Cookie": answer.cookie}).status == 200
    out = ask(guarded.at, "/logout", {"Cookie": answer.cookie}, form="")
    assert out.status == 303 and "max-age=0" in out.headers["set-cookie"].lower()


def test_behind_a_proxy_with_tls_the_cookie_is_for_tls_alone(guarded: PageServer) -> None:
    answer = ask(guarded.at, "/login", {"X-Forwarded-Proto": "https"}, form=f"token={TOKEN}")
    assert "secure" in answer.headers["set-cookie"].lower()


def test_a_wrong_token_is_refused_and_set_as_no_cookie(guarded: PageServer) -> None:
    for answer in (ask(guarded.at, "/login", form=f"token={OTHER}"), ask(guarded.at, f"/?token={OTHER}")):
        assert (answer.status, answer.cookie) == (401, "")
        assert b"This token is not known here." in answer.body


def test_a_token_in_the_address_is_exchanged_and_leaves_it(guarded: PageServer) -> None:
    answer = ask(guarded.at, f"/?token={TOKEN}")
    assert answer.status == 200 and TOKEN.encode() not in answer.body and b"url=./" in answer.body
    assert ask(guarded.at, "/", {"Cookie": answer.cookie}).status == 200
    again = ask(guarded.at, f"/?token={TOKEN}", {"Cookie": answer.cookie})
    assert (again.status, again.headers["location"]) == (303, "./")


def test_a_form_that_is_too_long_is_not_read(guarded: PageServer) -> None:
    assert ask(guarded.at, "/login", form="token=" + "x" * 5000).status == 413


def test_health_and_what_the_form_looks_like_are_for_everybody(guarded: PageServer) -> None:
    assert ask(guarded.at, "/healthz").json == {"status": "starting", "wrong": []}
    assert ask(guarded.at, "/static/page.css").status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:9", 200), ("[::1]:80", 200), ("cams.example", 403), ("", 403)],
)
def test_without_tokens_only_names_of_this_machine_are_answered(
    free: PageServer, host: str, status: int
) -> None:
    assert ask(free.at, "/", {"Host": host}).status == status


def test_with_tokens_any_name_is_answered_for_proxies(guarded: PageServer) -> None:
    assert ask(guarded.at, "/api/state", {**bearer(TOKEN), "Host": "cams.example"}).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://cams.example"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
)
def test_another_page_cannot_send_a_browser_here(
    free: PageServer, headers: dict[str, str], status: int
) -> None:
    assert ask(free.at, "/api/state", headers).status == status


def test_another_page_cannot_log_a_browser_in(guarded: PageServer) -> None:
    sent = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert ask(guarded.at, "/login", sent, form=f"token={TOKEN}").status == 403


@pytest.mark.parametrize("path", ["/", "/healthz", "/none", "/api/state"])
def test_every_answer_keeps_other_pages_and_strange_scripts_away(free: PageServer, path: str) -> None:
    headers = ask(free.at, path).headers
    assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers


def test_a_cookie_ends_with_its_time_and_with_its_token() -> None:
    now_s = [1000.0]
    cookies = Cookies(Tokens({TOKEN: "porch", OTHER: "hall"}), lambda: now_s[0])
    response = Response()
    cookies.put(response, TOKEN, encrypted=True)
    value = response.headers["set-cookie"]
    assert "Secure" in value
    request = Request({"type": "http", "headers": [(b"cookie", value.partition(";")[0].encode())]})
    assert cookies.name_of(request) == "porch"
    assert Cookies(Tokens({OTHER: "hall"}), lambda: now_s[0]).name_of(request) is None
    now_s[0] += 31 * 86_400
    assert cookies.name_of(request) is None
