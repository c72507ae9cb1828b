"""The review page seen from outside: nobody gets in without the link, no site can act through the browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from review_sets import ORIGIN, Page
from starlette.testclient import TestClient

from curate.pages.review.app import static_files
from curate.pages.review.guard import LARGEST_BODY, Guard, Keys


def stranger(page: Page, **headers: str) -> TestClient:
    return TestClient(page.client.app, base_url=ORIGIN, headers=headers)


@pytest.mark.parametrize("path", ["/", "/api/set", "/static/main.js", "/picture/thumb/00", "/api/export", "/nothing"])
def test_nothing_is_shown_without_the_cookie(page: Page, path: str) -> None:
    answer = stranger(page).get(path)
    assert answer.status_code == 403
    assert "pictures" not in answer.text


def test_a_wrong_cookie_or_token_opens_nothing(page: Page) -> None:
    assert stranger(page, cookie="curate_review=guess").get("/api/set").status_code == 403
    assert stranger(page).get("/?token=guess").status_code == 403
    assert stranger(page).get("/?token=").status_code == 403
    assert stranger(page).get("/api/set?token=" + page.keys.token).status_code == 403


def test_a_link_opens_the_page_once_and_the_next_one_is_told() -> None:
    told: list[str] = []
    keys = Keys(told.append)
    first = keys.token
    cookie = keys.spend(first)
    assert cookie is not None
    assert keys.fits(cookie)
    assert keys.spend(first) is None
    assert told == [keys.token]
    assert keys.token != first


def test_the_cookie_is_strict_and_hidden_from_scripts(page: Page) -> None:
    answer = stranger(page).get(f"/?token={page.keys.token}")
    cookie = answer.headers["set-cookie"]
    assert "SameSite=Strict" in cookie
    assert "HttpOnly" in cookie
    assert "Path=/" in cookie
    assert page.keys.token not in answer.text
    assert "location" not in answer.headers


def test_a_used_link_still_works_where_the_cookie_is(page: Page) -> None:
    assert page.client.get("/?token=used-long-ago").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::1", "10.0.0.1"]
)
def test_another_host_name_is_refused_even_with_the_cookie(page: Page, host: str) -> None:
    assert page.client.get("/api/set", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost:9000", "LOCALHOST", "[::1]:7"])
def test_a_tunnel_to_this_machine_may_end_at_any_port(page: Page, host: str) -> None:
    assert page.client.get("/api/set", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:4001", "https://localhost:4000", ""]
)
def test_another_origin_can_neither_read_nor_write(page: Page, origin: str) -> None:
    assert page.client.get("/api/set", headers={"origin": origin}).status_code == 403
    assert page.client.post("/api/undo", json={}, headers={"origin": origin}).status_code == 403


def test_a_change_without_an_origin_is_refused(page: Page) -> None:
    assert page.client.post("/api/undo", json={}).status_code == 403


def test_a_form_of_another_site_is_refused(page: Page) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""):
        answer = page.client.post("/api/undo", content=b"{}", headers={"origin": ORIGIN, "content-type": kind})
        assert answer.status_code == 415
    crossed = {"sec-fetch-site": "cross-site"}
    assert page.client.get("/api/set", headers=crossed).status_code == 403
    assert page.post("/api/undo", {}, **crossed).status_code == 403


@pytest.mark.parametrize("path", ["decide", "undo", "redo", "plan", "replace", "export", "stop", "whatif", "trigger"])
def test_nothing_changes_by_a_get(page: Page, path: str) -> None:
    if path == "export":
        assert page.client.get("/api/export").json() == {"state": "none"}
    else:
        assert page.client.get(f"/api/{path}").status_code == 405
    assert not page.stopped


@pytest.mark.parametrize(
    "path",
    [
        "/picture/thumb/..%2f..%2fetc%2fpasswd",
        "/picture/thumb/%2e%2e/%2e%2e/scene0.png",
        "/picture/thumb/scene0.png",
        "/picture/../../etc/passwd",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2fguard.py",
        "/static/app.py",
        "/picture/huge/0",
        "/%00",
    ],
)
def test_no_path_of_the_client_is_ever_a_path_of_the_disk(page: Page, path: str) -> None:
    assert page.client.get(path).status_code == 404


def test_every_answer_forbids_foreign_and_inline_script(page: Page) -> None:
    for path in ("/", "/api/set", "/static/main.js", "/nothing"):
        headers = page.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
    assert stranger(page).get("/").headers["content-security-policy"] == policy


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/", "no-cache"),
        ("/static/main.js", "no-cache"),
        ("/api/set", "no-store"),
        ("/api/export", "no-store"),
        ("/nothing", "no-store"),
        ("/picture/thumb/0", "no-store"),
    ],
)
def test_nothing_private_is_kept_or_passed_on(page: Page, path: str, kept: str) -> None:
    answer = page.client.get(path)
    assert answer.headers["cache-control"] == kept
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "DENY"


def test_the_entrance_is_not_kept_either(page: Page) -> None:
    answer = stranger(page).get(f"/?token={page.keys.token}")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("kind", ["application/jsonp", "application/json5", "text/json"])
def test_only_json_itself_is_json(page: Page, kind: str) -> None:
    headers = {"origin": ORIGIN, "content-type": kind}
    assert page.client.post("/api/undo", content=b"{}", headers=headers).status_code == 415


def test_no_answer_leads_elsewhere(page: Page) -> None:
    for path in ("/api/set/", "/static", "/picture/thumb/"):
        answer = page.client.get(path)
        assert answer.status_code == 404
        assert "location" not in answer.headers


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_or_a_link_in_place_of_a_picture_is_never_read(page: Page, drawn: Path, tmp_path: Path) -> None:
    place, digest = drawn / "scene2.png", page.id_of("scene2.png")
    data = place.read_bytes()
    secret = tmp_path / "secret.png"
    secret.write_bytes((drawn / "scene3.png").read_bytes())
    try:
        place.unlink()
        os.mkfifo(place)
        assert page.client.get(f"/picture/screen/{digest}").status_code == 410
        place.unlink()
        place.symlink_to(secret)
        assert page.client.get(f"/picture/screen/{digest}").status_code == 410
    finally:
        place.unlink()
        place.write_bytes(data)
    assert page.client.get(f"/picture/screen/{digest}").status_code == 200


def test_the_page_itself_holds_no_inline_script_style_or_foreign_address() -> None:
    html = static_files()["index.html"][1].decode()
    assert "<style" not in html
    assert " style=" not in html
    assert "onclick" not in html
    assert html.count("<script") == 1
    assert 'src="/static/main.js"' in html
    for name, (_, data) in static_files().items():
        found = data.decode().replace('"http://www.w3.org/2000/svg"', "")
        for forbidden in ("http://", "https://", "innerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert forbidden not in found, name


def test_a_body_that_is_too_large_is_refused_told_or_not(page: Page) -> None:
    def chunks() -> Any:
        for _ in range(LARGEST_BODY // 2**20 + 2):
            yield b" " * 2**20

    headers = {"origin": ORIGIN, "content-type": "application/json"}
    assert page.client.post("/api/undo", content=chunks(), headers=headers).status_code == 413
    assert page.client.post("/api/undo", content=b" " * (LARGEST_BODY + 1), headers=headers).status_code == 413
    lying = {**headers, "content-length": "9" * 40}
    assert page.client.post("/api/undo", content=b"{}", headers=lying).status_code == 413


def test_half_a_body_of_one_who_left_changes_nothing(page: Page) -> None:
    import asyncio

    messages = iter(
        [{"type": "http.request", "body": b"{}", "more_body": True}, {"type": "http.disconnect"}]  # `{}` is whole JSON
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    cookie = page.client.cookies["curate_review"]
    headers = {"host": "127.0.0.1:4000", "origin": ORIGIN, "content-type": "application/json"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/stop",
        "query_string": b"",
        "headers": [(k.encode(), v.encode()) for k, v in {**headers, "cookie": f"curate_review={cookie}"}.items()],
    }
    asyncio.run(page.client.app(scope, receive, send))
    assert not page.stopped
    assert not sent


def test_a_body_that_never_ends_is_given_up() -> None:
    import asyncio

    sent: list[Any] = []

    async def silent() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    async def unreachable(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the route saw a request without its body")

    keys = Keys()
    cookie = keys.spend(keys.token)
    headers = {"host": "localhost", "origin": "http://localhost", "content-type": "application/json"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/undo",
        "query_string": b"",
        "headers": [(k.encode(), v.encode()) for k, v in {**headers, "cookie": f"curate_review={cookie}"}.items()],
    }
    asyncio.run(Guard(app=unreachable, keys=keys, patience=0.05)(scope, silent, send))
    assert sent[0]["status"] == 408


def test_an_address_counts_as_ours_only_where_all_interfaces_are_served(page: Page) -> None:
    inner = page.client.app.app
    everywhere = Guard(app=inner, keys=page.keys, any_address=True, hosts=frozenset({"box"}))
    client = TestClient(everywhere, base_url=ORIGIN)
    client.get(f"/?token={page.keys.token}")
    assert client.get("/api/set", headers={"host": "192.168.7.7:81"}).status_code == 200
    assert client.get("/api/set", headers={"host": "box:81"}).status_code == 200
    assert client.get("/api/set", headers={"host": "rebound.example"}).status_code == 421
