"""Somebody who decides on the review page, and remembers what the page confirmed."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any


class Posted:
    """Decisions that were sent to a page until it was gone: a caption and a verdict in each request."""

    def __init__(self, begun: Callable[[], None]) -> None:
        """`begun` is called before the first decision is sent."""
        self._begun = begun
        self.confirmed: dict[str, tuple[str, str]] = {}  # by path: what the page answered it had saved
        self.sent: tuple[str, tuple[str, str]] | None = None  # what it did not answer
        self.saved = 0  # requests that were answered
        self._count = 0

    def post(self, address: str) -> None:
        """Returns when the page does not answer any more."""
        where, token = address.split("/?")
        host = where.removeprefix("http://")
        line = http.client.HTTPConnection(host, timeout=20)
        try:
            line.request("GET", f"/?{token}")
            answer = line.getresponse()
            answer.read()
            own = {"Cookie": answer.getheader("set-cookie", "").split(";")[0], "Origin": where}
            line.request("GET", "/api/set", headers=own)
            ids = [(one["id"], one["path"]) for one in json.loads(line.getresponse().read())["pictures"]]
            self._begun()
            while True:
                self._one(line, own, *ids[self._count % len(ids)])
        except (OSError, http.client.HTTPException):
            return
        finally:
            line.close()

    def _one(self, line: http.client.HTTPConnection, own: dict[str, str], name: str, path: str) -> None:
        self._count += 1
        caption, verdict = f"decision {self._count}", ("keep", "leave_out")[self._count % 2]
        wanted = [{"kind": "caption", "id": name, "text": caption}, {"kind": verdict, "id": name}]
        self.sent = path, (caption, verdict)
        body = json.dumps({"decisions": wanted})
        line.request("POST", "/api/decide", body, {**own, "Content-Type": "application/json"})
        answer = line.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the page refused a decision: {said!r}")
        self.confirmed[path], self.sent = (caption, verdict), None
        self.saved += 1

    def faults(self, found: dict[str, Any]) -> list[str]:
        """What of `found`, that which is on the disk, is not what was confirmed or at least sent."""
        now = {path: tuple(one) for path, one in found.items()}
        wanted = dict(self.confirmed)
        if self.sent and now.get(self.sent[0]) == self.sent[1]:
            wanted[self.sent[0]] = self.sent[1]
        if now != wanted:
            lost = [path for path in wanted if now.get(path) != wanted[path]]
            return [f"confirmed and not on the disk: {lost}" if lost else "on the disk and never sent"]
        return []
