"""Serves the page on one socket until Ctrl-C or the page's own button."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from curate.errors import ServeError
from curate.pages.review.app import app
from curate.pages.review.guard import LOOPBACK, Keys
from curate.pages.review.reviewed import Reviewed
from curate.pages.review.session import Session

if TYPE_CHECKING:
    import uvicorn

HEAD_PATIENCE = 10.0  # s for a request's head to arrive
LARGEST_HEAD = 16 * 1024  # bytes of a request's head
MOST_AT_ONCE = 640  # requests and connections; beyond it they are refused
CROWDED = 96  # open connections from which on the oldest that nobody waits at is closed for a new one, if it is not new
FULL = 512  # likewise, even if it is new
NEW = 1.0  # s in which a browser's own connection has surely sent its request
FILES = 2048  # that the process may open, where the system lets it have so many: macOS begins with 256
GRACE = 3  # s that requests under way may take when the server ends
EVERYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the page is served."""

    host: str = "127.0.0.1"  # address or name of the interface
    port: int = 0  # 0: any that is free


def serve(
    reviewed: Reviewed,
    place: Place,
    *,
    ready: Callable[[str], None],
    renewed: Callable[[str], None],
) -> None:
    """Serves until it is ended. `ready` is called with the address when the page can be opened, `renewed` with the next
    one-time address when one was used (from another thread). Raises ServeError where the place cannot be had, and
    KeyboardInterrupt where Ctrl-C ended it."""
    have_files()
    with _listen(place) as listening:
        port = listening.getsockname()[1]
        name = socket.gethostname() if place.host in EVERYWHERE else place.host
        where = f"http://{f'[{name}]' if ':' in name else name}:{port}/"
        keys = Keys(lambda token: renewed(f"{where}?token={token}"))
        session = Session(reviewed)
        server: list[Any] = []
        ended = threading.Event()
        ahead = threading.Thread(target=session.previews.make_ahead, args=(ended,), name="curate-previews", daemon=True)
        try:
            served = app(
                session,
                keys,
                lambda: setattr(server[0], "should_exit", True),
                hosts=LOOPBACK | {place.host.lower(), name.lower(), socket.getfqdn().lower()}
                if place.host not in LOOPBACK
                else LOOPBACK,
                any_address=place.host in EVERYWHERE,
                cookie=f"curate_review_{port}",
            )
            server.append(_server(served, session, lambda: ready(f"{where}?token={keys.token}")))
            ahead.start()
            server[0].run(sockets=[listening])
        finally:
            ended.set()
            session.close()


def have_files() -> None:
    """Raises this process's own bound on open files to FILES; nothing where there is none, as on Windows."""
    try:
        import resource
    except ImportError:
        return
    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    if least != resource.RLIM_INFINITY and least < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _listen(place: Place) -> socket.socket:
    try:
        family = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ServeError(place.host, place.port, error.strerror or str(error), "Give another --host") from None
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows: nobody else may take the same port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((place.host, place.port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        busy = error.errno == errno.EADDRINUSE
        advice = "Give another --port, or none for a free one" if busy else "Give another --host"
        raise ServeError(place.host, place.port, error.strerror or str(error), advice) from None
    return listening


def _server(served: Any, session: Session, ready: Callable[[], None]) -> uvicorn.Server:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            session.release()  # questions for news are answered now, so that nothing is waited for
            await super().shutdown(sockets)

    return Server(
        uvicorn.Config(
            served,
            http=_patient_protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # what strangers send is no news for the terminal; our own faults are
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_AT_ONCE,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GRACE,
            h11_max_incomplete_event_size=LARGEST_HEAD,
        )
    )


def _patient_protocol() -> Any:
    """uvicorn's HTTP/1.1, but a head must arrive in time, and a crowd that only holds connections makes room.

    Whoever has no cookie is answered at once, so a request that is under way is one of the user's: only connections
    without one are closed, the oldest first, and a browser opens another when it needs it.
    """
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    open_ones: dict[Any, float] = {}  # when each came, in s of the loop's clock, in that order

    class Patient(H11Protocol):
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            now = self.loop.time()
            oldest = next((one for one in open_ones if one.is_idle), None) if len(open_ones) >= CROWDED else None
            if oldest is not None and (len(open_ones) >= FULL or now - open_ones[oldest] > NEW):
                oldest.transport.abort()
                oldest.connection_lost(None)  # now, rather than when the loop comes to it: a crowd comes at once
            open_ones[self] = now
            super().connection_made(transport)
            self._late = self.loop.call_later(HEAD_PATIENCE, transport.close)

        @property
        def is_idle(self) -> bool:
            """Whether no whole request waits here for its answer."""
            return self.cycle is None or bool(self.cycle.response_complete)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            waiting = self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE
            if not waiting:
                self._calm()
            elif self._late is None and self.conn.trailing_data[0]:
                self._late = self.loop.call_later(HEAD_PATIENCE, self.transport.close)

        def send_400_response(self, msg: str) -> None:
            super().send_400_response(msg)
            if self.cycle is not None:  # its head was sound and its body is not: it has had its answer now
                self.cycle.disconnected = True
                self.cycle.message_event.set()

        def connection_lost(self, exc: Exception | None) -> None:
            if open_ones.pop(self, None) is not None:
                self._calm()
                super().connection_lost(exc)

        def _calm(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return Patient
