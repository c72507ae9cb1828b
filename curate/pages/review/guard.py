"""Who may talk to the review page, and how: every request passes here before any route sees it.

The page shows private pictures and can write an export, and every web site that the same browser has open can send
requests to it. So a request needs the cookie that only the opened link gives; its Host must be one that we serve, which
ends DNS rebinding; what changes anything must come from the page itself (Origin) and be JSON; bodies are bounded in
size and in time.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 4 * 2**20  # bytes: a decision on 40,000 pictures at once
PATIENCE = 10.0  # s for a body to arrive; a page on a slow line needs one
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
CLOSE = (b"connection", b"close")  # of answers to a body that was not read to its end
# The link may have been followed from another site (a web terminal, a chat), and then a strict cookie is not sent with
# a redirect. A page that moves on by itself is a navigation of our own.
ENTER = b'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>curate</title>'


class Keys:
    """The one-time tokens that open the page, and the cookie that stands for one that was used."""

    def __init__(self, renewed: Callable[[str], None] | None = None) -> None:
        """`renewed` is called with the next token when one was used, from a server's thread."""
        self._lock = threading.Lock()
        self._renewed = renewed
        self._cookie = secrets.token_urlsafe(32)
        self.token = secrets.token_urlsafe(32)

    def spend(self, token: str) -> str | None:
        """The cookie for a token that was not used yet; None for any other."""
        with self._lock:
            if not _equal(token, self.token):
                return None
            self.token = secrets.token_urlsafe(32)
        if self._renewed is not None:
            self._renewed(self.token)
        return self._cookie

    def fits(self, cookie: str) -> bool:
        return _equal(cookie, self._cookie)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """ASGI middleware. `hosts` are names in lower case; any IP address counts as ours where `any_address`."""

    app: ASGIApp
    keys: Keys
    hosts: frozenset[str] = LOOPBACK
    any_address: bool = False  # listening on all interfaces: an address as such cannot be rebound, a name can
    cookie: str = "curate_review"  # cookies do not tell ports apart, so each server has a name of its own
    largest: int = LARGEST_BODY
    patience: float = PATIENCE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets here: the connection is closed
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        sealed = _sealed(send)
        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self._pass(scope, receive, sealed)
        elif refusal == "enter":
            await self._enter(scope, sealed)
        else:
            status, text = int(refusal[:3]), refusal[4:]
            await _answer(sealed, status, b"text/plain; charset=utf-8", text.encode())

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> str | None:
        """None: let it pass. "enter": a token to be looked at. Else the status and why not."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_ours(host):
            return "421 This address is not served here."
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return "403 This request comes from another site."
        safe = scope["method"] in ("GET", "HEAD")
        if not safe and origin is None:
            return "403 A change must say where it comes from (Origin)."
        if scope["method"] == "GET" and scope["path"] == "/" and b"token=" in scope.get("query_string", b""):
            return "enter"
        if not self.keys.fits(_cookie(headers.get("cookie", ""), self.cookie)):
            return "403 Open the page by the link that curate review printed; each link opens it once."
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "403 This request comes from another site."
        if not safe and headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            return "415 Changes are sent as JSON."
        if int(_digits(headers.get("content-length", "0"))) > self.largest:
            return f"413 At most {self.largest} bytes a request."
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if "@" in host:
            return False
        return name in self.hosts or (self.any_address and _is_address(name))

    async def _enter(self, scope: Scope, send: Send) -> None:
        """Spends the token of the link and gives the cookie for it; a used link works where the cookie is there."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        cookie = self.keys.spend(query.get("token", [""])[0])
        sent = next((value for name, value in scope["headers"] if name == b"cookie"), b"").decode("latin-1")
        if cookie is None and not self.keys.fits(_cookie(sent, self.cookie)):
            text = b"This link is not valid, or was used before. curate review prints a new one each time one is used."
            await _answer(send, 403, b"text/plain; charset=utf-8", text)
            return
        more = [] if cookie is None else [(b"set-cookie", self._set_cookie(cookie))]
        await _answer(send, 200, b"text/html; charset=utf-8", ENTER, more)

    def _set_cookie(self, value: str) -> bytes:
        return f"{self.cookie}={value}; Path=/; HttpOnly; SameSite=Strict".encode()

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reads the body whole, within its bounds, before the route sees it."""
        try:
            body = await asyncio.wait_for(self._body(receive), self.patience)
        except ConnectionError:
            return
        except (asyncio.TimeoutError, TimeoutError):
            await _answer(send, 408, b"text/plain; charset=utf-8", b"The request took too long.", [CLOSE])
            return
        if body is None:
            text = f"At most {self.largest} bytes a request.".encode()
            await _answer(send, 413, b"text/plain; charset=utf-8", text, [CLOSE])
            return
        told = False

        async def again() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)

    async def _body(self, receive: Receive) -> bytes | None:
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":  # half a body is no wish of anybody
                raise ConnectionAbortedError
            part = message.get("body", b"")
            size += len(part)
            if size > self.largest:
                return None
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)


def _sealed(send: Send) -> Send:
    """The same with the headers that every answer bears."""

    async def sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", ()))
            if not any(name == b"cache-control" for name, _ in own):
                own.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*own, *HEADERS]}
        await send(message)

    return sealed


async def _answer(
    send: Send, status: int, kind: bytes, body: bytes, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _cookie(header: str, name: str) -> str:
    """The value of one cookie in a Cookie header; "" if it is not there."""
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _digits(text: str) -> str:
    return text if text.isascii() and text.isdecimal() and len(text) < 16 else "9" * 15


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
