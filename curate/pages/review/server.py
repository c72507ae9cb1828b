"""Serves the page on one socket until Ctrl-C or the page's own button."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
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
MOST_AT_ONCE = 256  # requests and connections; beyond it they are refused
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
    """uvicorn's HTTP/1.1, but a head must arrive in time: a connection that sends nothing is closed."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Patient(H11Protocol):
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._late = self.loop.call_later(HEAD_PATIENCE, transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            waiting = self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE
            if not waiting:
                self._calm()
            elif self._late is None and self.conn.trailing_data[0]:
                self._late = self.loop.call_later(HEAD_PATIENCE, self.transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            self._calm()
            super().connection_lost(exc)

        def _calm(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return Patient
