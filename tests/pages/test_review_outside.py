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

from curate.pages.review.server import have_files

LONG = ", ".join(["nora"] * 6000)  # a caption of 35,998 characters, more than the page is told
CROWD = 700  # connections, more than the server keeps open


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
    have_files()  # for the connections that these tests hold themselves
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


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: 400",
        "Content-Length: 4, 4",
        "Content-Length: +4",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked\r\nContent-Length: 4",
        "X: a\r\n b\r\nContent-Length : 4",
    ],
)
def test_no_request_hides_in_the_body_of_another(outside: Outside, head: str) -> None:
    """A second request that nobody signed, behind bodies whose end two readers could see in two places."""
    own = f"Host: {outside.host}\r\nCookie: curate_review_{outside.port}={outside.cookie}\r\n"
    own += f"Origin: http://{outside.host}\r\nContent-Type: application/json\r\n"
    hidden = f"POST /api/trigger HTTP/1.1\r\nHost: {outside.host}\r\nConnection: close\r\n\r\n"
    answer = outside.raw(f"POST /api/undo HTTP/1.1\r\n{own}{head}\r\n\r\n0\r\n\r\n{hidden}".encode())
    statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses
    assert all(status in (200, 400, 403, 408, 413, 501) for status in statuses)
    assert 200 not in statuses[1:]


def test_each_request_of_a_connection_needs_the_cookie(outside: Outside) -> None:
    cookie = f"Cookie: curate_review_{outside.port}={outside.cookie}\r\n"
    ask = f"GET /api/export HTTP/1.1\r\nHost: {outside.host}\r\n"
    with outside.connect() as line:
        line.sendall(f"{ask}{cookie}\r\n{ask}\r\n{ask}{cookie}Connection: close\r\n\r\n".encode())
        answer = b""
        while part := line.recv(65536):
            answer += part
    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [200, 403, 200]


@pytest.mark.parametrize(
    "head",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /api/set HTTP/0.9\r\n\r\n",
        b"GET /api/set\r\n",
        b"GET  /api/set HTTP/1.1\r\n\r\n",
        b"\0" * 2000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 60_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX\0: 1\r\n\r\n",
    ],
)
def test_what_is_no_request_of_this_protocol_is_refused(outside: Outside, head: bytes) -> None:
    answer = outside.raw(head)
    assert answer == b"" or 400 <= status(answer) < 500
    assert outside.cookie.encode() not in answer


def test_guesses_open_nothing_and_shut_nobody_out(outside: Outside) -> None:
    """256 bits are not guessed; a bound on wrong guesses would let a stranger lock the user out."""
    for number in range(60):
        assert status(outside.ask("GET", f"/?token={number:043}", cookie="")) == 403
        assert status(outside.ask("GET", "/api/set", cookie=f"curate_review_{outside.port}={number:043}")) == 403
    assert status(outside.ask("GET", "/api/export")) == 200


@pytest.mark.parametrize("held", [b"", b"GET / HTTP/1.1\r\nX-Slow: ", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"])
def test_a_crowd_that_only_holds_connections_keeps_nobody_out(outside: Outside, held: bytes) -> None:
    """Idle ones, heads that never end, and connections that are kept alive after a refusal."""
    lines = [outside.connect() for _ in range(CROWD)]
    try:
        for line in lines:
            with suppress(ConnectionError):
                line.sendall(held)
        assert status(outside.ask("GET", "/api/export")) == 200
        assert status(outside.change("/api/undo", b"{}")) == 200
    finally:
        for line in lines:
            line.close()
    assert status(outside.ask("GET", "/api/export")) == 200


def test_a_question_that_waits_for_news_outlasts_a_crowd(outside: Outside) -> None:
    version = json.loads(outside.ask("GET", "/api/set").split(b"\r\n\r\n", 1)[1])["version"]
    head = f"Host: {outside.host}\r\nCookie: curate_review_{outside.port}={outside.cookie}\r\n\r\n"
    with outside.connect(60) as waiting:
        waiting.sendall(f"GET /api/set?since={version + 1000}&wait HTTP/1.1\r\n{head}".encode())
        waiting.settimeout(0.3)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        lines = [outside.connect() for _ in range(CROWD)]
        waiting.settimeout(60)
        assert status(waiting.recv(4096)) == 200
        for line in lines:
            line.close()


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
    outside.change("/api/undo", b"2\r\n{}}}", "Transfer-Encoding: chunked", length=False)  # a body that goes wrong
    outside.ask("POST", "/nothing", "Transfer-Encoding: chunked", body=b"2\r\n{}}}", cookie="")
    outside.process.terminate()
    _, said = outside.process.communicate(timeout=30)
    assert "Invalid HTTP" not in said
    assert "WebSocket" not in said
    assert "Exception" not in said
    assert "Traceback" not in said
