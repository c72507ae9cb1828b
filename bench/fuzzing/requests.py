"""Bytes sent to the real server of the review page, on a socket, by one who has its cookie and by one who has not."""

from __future__ import annotations

import json
import logging
import socket
import threading
from pathlib import Path
from typing import Any
from zlib import crc32

from fuzzing import small

SHORT = 0.3  # s for an answer: most come within a hundredth of that
PLACE = {"GET": ("/", "/api/set", "/api/export", "/static/main.js", "/picture/thumb/DIGEST", "/picture/screen/DIGEST")}
BODIES: dict[str, Any] = {
    "decide": {"decisions": [{"kind": "keep", "id": "DIGEST"}, {"kind": "caption", "id": "DIGEST", "text": "x"}]},
    "undecide": {"ids": ["DIGEST"]},
    "undo": {},
    "redo": {},
    "whatif": {"ids": ["DIGEST"]},
    "replace": {"find": "nora", "put": "x", "unit": "word", "ids": ["DIGEST"], "dry_run": True},
    "plan": {"settings": {"target_steps": 500, "batch_size": 2, "trainer": "kohya", "resolution": 768}},
    "trigger": {"word": "nora"},
    "export": {"dry_run": True, "folder": "out", "name": "nora", "trainer": "kohya", "trigger": "n", "class_word": "w"},
}


HEAD = (
    "POST /api/NAME HTTP/1.1\r\nHost: HOST\r\nCookie: COOKIE\r\nConnection: close\r\nOrigin: http://HOST\r\n"
    "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n"
)


class Heard(logging.Handler):
    """What the server has to say of its own faults."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record)[-900:])


class Requests:
    """A server in this process, in threads of its own."""

    def __init__(self, folder: Path) -> None:
        self._heard = Heard()
        for name in ("uvicorn", "uvicorn.error", "curate.review", "asyncio"):
            logging.getLogger(name).addHandler(self._heard)
        self._reviewed, self._digest = _reviewed(folder)
        self._start()

    def _start(self) -> None:
        from curate.pages.review import Keys, Session, app
        from curate.pages.review.server import Place, _listen, _server

        listening = _listen(Place())
        self._port = listening.getsockname()[1]
        keys = Keys()
        self._cookie = keys.spend(keys.token) or ""
        session = Session(self._reviewed)
        ready = threading.Event()
        served = app(session, keys, lambda: None, cookie=f"curate_review_{self._port}")
        server = _server(served, session, ready.set)
        self._thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()
        ready.wait(60)

    def seeds(self) -> list[bytes]:
        """Requests as JSON, so that one part can be odd and the others right. HOST, COOKIE and DIGEST stand for what
        only this server knows, so that inputs mean the same to the next."""
        own = {"Host": "HOST", "Cookie": "COOKIE", "Connection": "close"}
        change = {**own, "Origin": "http://HOST", "Content-Type": "application/json"}
        found: list[dict[str, Any]] = [{"line": f"GET {path} HTTP/1.1", "head": own} for path in PLACE["GET"]]
        found += [{"line": f"POST /api/{name} HTTP/1.1", "head": change, "body": body} for name, body in BODIES.items()]
        chunked = {**change, "Transfer-Encoding": "chunked"}
        found.append({"line": "POST /api/undo HTTP/1.1", "head": chunked, "body": "2\r\n{}\r\n0\r\n\r\n"})
        found.append(
            {"line": "GET /api/set HTTP/1.1", "head": {**own, "Upgrade": "websocket", "Connection": "Upgrade"}}
        )
        found.append({"line": "GET /?token=guess HTTP/1.1", "head": {"Host": "HOST", "Connection": "close"}})
        return [json.dumps(one).encode() for one in found]

    def run(self, data: bytes) -> None:
        sent = _request(data)
        host = f"127.0.0.1:{self._port}".encode()
        cookie = f"curate_review_{self._port}={self._cookie}".encode()
        sent = sent.replace(b"HOST", host).replace(b"COOKIE", cookie).replace(b"DIGEST", self._digest.encode())
        answer = self._ask(_with_its_length(sent))
        if answer.startswith(b"HTTP/1.1 200") and self._cookie.encode() not in sent:
            raise AssertionError(f"let in without a cookie: {answer[:80]!r}")
        if answer.startswith(b"HTTP/1.1 5") or b"Traceback" in answer:
            raise AssertionError(f"a fault is told: {answer[:200]!r}")
        if self._heard.said or not self._thread.is_alive():
            said, self._heard.said = self._heard.said, []
            raise AssertionError(f"the server says: {said[:1]}")

    def _ask(self, sent: bytes) -> bytes:
        """What is answered. Where nothing comes, the request has no end: the line is closed for it."""
        answer = b""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=SHORT) as line:
                line.sendall(sent)
                while part := line.recv(65536):
                    answer += part
        except (ConnectionError, TimeoutError):
            pass
        return answer


def _request(data: bytes) -> bytes:
    """The bytes of a request that was told as JSON; what is none is the body of a sound one, or sent as it stands."""
    try:
        told = json.loads(data)
        head, body = told["head"], told.get("body")
        lines = [told["line"], *(f"{name}: {value}" for name, value in head.items())]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        if b" HTTP/1." in data.partition(b"\r\n")[0]:
            return data
        chosen = crc32(data) % (len(BODIES) + 1)
        if chosen == len(BODIES):
            return data
        return HEAD.replace("NAME", list(BODIES)[chosen]).encode() + data
    content = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    if content and "Transfer-Encoding" not in head:
        lines.append("Content-Length: 0")  # mended when all that stands for something else is in its place
    return "\r\n".join([*map(str, lines), "", content]).encode("utf-8", "replace")


def _with_its_length(sent: bytes) -> bytes:
    """A head that tells a length tells the right one, so that the body is read; of four one does not."""
    head, end, body = sent.partition(b"\r\n\r\n")
    start, name, rest = head.partition(b"Content-Length: ")
    if not (end and name) or len(body) % 4 == 3:
        return sent
    return start + name + str(len(body)).encode() + rest.lstrip(b"0123456789") + end + body


def _reviewed(folder: Path) -> tuple[Any, str]:
    """The small set, and the digest of one of its pictures."""
    from curate import pipeline
    from curate.decisions import open_journal
    from curate.pages.review import Reviewed
    from curate.plan import PlanSettings
    from curate.stages.deciding import Deciding
    from curate.stages.measured import measured

    pictures, cache = small.draw(folder / "set"), folder / "cache"
    found = measured(pictures, small.settings(cache), model=small.Squares())
    deciding = Deciding(found)
    reviewed = Reviewed(
        journal=open_journal(pictures, small.settings(cache)),
        decide=deciding,
        exact=deciding.exact,
        suppose=deciding.suppose,
        plan=pipeline.recommend,
        export=pipeline.export,
        exports=folder / "exports",
        budget=PlanSettings(target_steps=500),
        trigger="nora",
        cache=cache,
    )
    return reviewed, found.catalog.pictures[0].digest
