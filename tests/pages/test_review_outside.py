"""A running `curate review` seen by whoever can reach its port: bytes on a socket, no browser that plays along."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import pytest
from review_server import served
from review_sets import draw

LONG = ", ".join(["nora"] * 6000)  # a caption of 35,998 characters, more than the page is told
CROWD = 300  # connections, more than the server takes at once


@dataclass
class Outside:
    """What is known of the server, and the cookie of one who was let in."""

    process: Popen[str]
    port: int
    cookie: str

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def connect(self, seconds: float = 20) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def raw(self, data: bytes) -> bytes:
        """All that is answered until the server closes."""
        answer = b""
        with self.connect() as line, suppress(ConnectionError):
            line.sendall(data)
            while part := line.recv(65536):
                answer += part
        return answer

    def ask(self, method: str, path: str, *more: str, body: bytes = b"", cookie: str | None = None) -> bytes:
        own = f"curate_review_{self.port}={self.cookie}" if cookie is None else cookie
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", f"Cookie: {own}", "Connection: close", *more]
        return self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def change(self, path: str, body: bytes, *more: str, length: bool = True) -> bytes:
        own = (f"Origin: http://{self.host}", "Content-Type: application/json", *more)
        return self.ask("POST", path, *own, *([f"Content-Length: {len(body)}"] if length else []), body=body)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory, sample_cache: Path) -> Iterator[Outside]:
    home = tmp_path_factory.mktemp("outside")
    folder = draw(home / "set")
    for number in (0, 1):
        (folder / f"scene{number}.txt").write_text(LONG, encoding="utf-8")
    with served(folder, home / "cache") as (process, address):
        port = int(address.split(":")[2].split("/")[0])
        stranger = Outside(process, port, "")
        answer = stranger.ask("GET", "/?token=" + address.split("token=")[1], cookie="")
        cookie = answer.split(b"set-cookie: ")[1].split(b";")[0].split(b"=", 1)[1].decode()
        yield Outside(process, port, cookie)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_the_cookie_of_another_port_opens_nothing(outside: Outside) -> None:
    assert status(outside.ask("GET", "/api/set")) == 200
    assert status(outside.ask("GET", "/api/set", cookie=f"curate_review_{outside.port + 1}={outside.cookie}")) == 403
    assert status(outside.ask("GET", "/api/set", cookie=f"curate_review={outside.cookie}")) == 403


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("GET /api/set HTTP/1.1\r\nConnection: close\r\n", 400),  # no Host
        ("GET /api/set HTTP/1.0\r\n", 421),
        ("GET /api/set HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\nConnection: close\r\n", 400),
        ("GET /api/set HTTP/1.1\r\nHost: evil@HOST\r\nConnection: close\r\n", 421),
        ("GET http://evil.example/api/set HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n", 404),
    ],
)
def test_heads_that_lie_about_the_host_are_refused(outside: Outside, head: str, expected: int) -> None:
    own = f"Cookie: curate_review_{outside.port}={outside.cookie}\r\n\r\n"
    assert status(outside.raw((head.replace("HOST", outside.host) + own).encode())) == expected


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "DELETE", "PATCH", "CONNECT", "PROPFIND"])
def test_other_methods_do_nothing(outside: Outside, method: str) -> None:
    assert status(outside.ask(method, "/api/set")) == 403
    answer = outside.ask(method, "/api/set", f"Origin: http://{outside.host}", "Content-Type: application/json")
    assert status(answer) == 405
    assert outside.cookie.encode() not in answer


def test_to_look_at_a_link_without_opening_it_does_not_use_it_up(outside: Outside) -> None:
    assert status(outside.ask("HEAD", "/?token=guess", cookie="")) == 403
    assert b"set-cookie" not in outside.ask("HEAD", "/?token=guess")


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/static/../app.py", "/picture/thumb/../../../etc/passwd", "/%2e%2e/"]
)
def test_paths_as_they_stand_lead_nowhere(outside: Outside, path: str) -> None:
    """Clients tidy such paths up before they send them; an attacker does not."""
    answer = outside.ask("GET", path)
    assert status(answer) == 404
    assert b"\r\nlocation:" not in answer.lower()


def test_no_web_socket_is_opened(outside: Outside) -> None:
    wish = ("Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
    assert status(outside.ask("GET", "/", *wish, cookie="")) == 403
    assert status(outside.ask("GET", "/api/export", *wish)) == 200  # an answer as to any question, no switch


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[", b"\xff\xfe", b"null", b'"x"', b"[" * 100_000, b'{"decisions": [1e999]}',
        b'{"decisions": [{"kind": "keep", "id": ' + b"9" * 100_000 + b"}]}",
    ],
)  # fmt: skip
def test_bodies_that_are_no_decision_are_refused_in_one_line(outside: Outside, body: bytes) -> None:
    answer = outside.change("/api/decide", body)
    assert status(answer) == 400
    assert b"Traceback" not in answer


def test_bodies_in_chunks_are_bounded_too(outside: Outside) -> None:
    chunked = "Transfer-Encoding: chunked"
    good = outside.change("/api/undo", b"2\r\n{}\r\n0\r\n\r\n", chunked, length=False)
    assert status(good) == 200
    assert status(outside.change("/api/undo", b"zz\r\n{}\r\n", chunked, length=False)) == 400
    large = (b"100000\r\n" + b" " * 2**20 + b"\r\n") * 5 + b"0\r\n\r\n"
    assert outside.change("/api/undo", large, chunked, length=False)[:12] in (b"HTTP/1.1 413", b"")


def test_a_connection_that_sends_nothing_whole_is_closed(outside: Outside) -> None:
    begin = time.monotonic()
    body = outside.change("/api/undo", b"{", "Content-Length: 10", length=False)
    assert status(body) == 408
    assert outside.raw(b"GET / HTTP/1.1\r\nX-Slow: ") == b""
    assert time.monotonic() - begin < 40


def test_a_crowd_is_turned_away_and_leaves_no_trace(outside: Outside) -> None:
    lines = [outside.connect() for _ in range(CROWD)]
    try:
        assert status(outside.ask("GET", "/api/export")) == 503
    finally:
        for line in lines:
            line.close()
    end = time.monotonic() + 10
    while status(outside.ask("GET", "/api/export")) != 200:
        assert time.monotonic() < end


def test_many_questions_for_news_keep_nothing_else_waiting(outside: Outside) -> None:
    lines = [outside.connect() for _ in range(80)]
    head = f"Host: {outside.host}\r\nCookie: curate_review_{outside.port}={outside.cookie}\r\n\r\n"
    try:
        for line in lines:
            line.sendall(f"GET /api/set?since=999999&wait HTTP/1.1\r\n{head}".encode())
        time.sleep(0.5)
        begin = time.monotonic()
        assert status(outside.ask("GET", "/api/set")) == 200
        assert status(outside.change("/api/undo", b"{}")) == 200
        assert time.monotonic() - begin < 8
    finally:
        for line in lines:
            line.close()


def test_a_large_state_is_compressed_for_whoever_can_read_it(outside: Outside) -> None:
    head, plain = outside.ask("GET", "/api/set").split(b"\r\n\r\n", 1)
    assert b"content-encoding" not in head
    head, body = outside.ask("GET", "/api/set", "Accept-Encoding: gzip, br").split(b"\r\n\r\n", 1)
    assert b"content-encoding: gzip" in head
    assert len(body) < len(plain) / 2
    assert json.loads(gzip.decompress(body))["pictures"] == json.loads(plain)["pictures"]


def test_of_a_caption_of_any_length_the_page_is_told_a_part(outside: Outside) -> None:
    pictures = json.loads(outside.ask("GET", "/api/set").split(b"\r\n\r\n", 1)[1])["pictures"]
    long = [picture for picture in pictures if "caption_length" in picture]
    assert {len(picture["caption"]) for picture in long} == {20_000}
    assert {picture["caption_length"] for picture in long} == {len(LONG)}


def test_what_strangers_send_is_no_news_for_the_terminal(outside: Outside) -> None:
    """The last of these: it ends the server to read what it said."""
    outside.raw(b"\x16\x03\x01nonsense\r\n\r\n")
    outside.process.terminate()
    _, said = outside.process.communicate(timeout=30)
    assert "Invalid HTTP" not in said
    assert "WebSocket" not in said
    assert "Traceback" not in said
