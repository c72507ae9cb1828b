"""The routes of the review page. Who may call them is the guard's matter; what they do, the session's."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import BrokenPicture, CurateError
from curate.pages.review.guard import Guard, Keys
from curate.pages.review.previews import SIDES
from curate.pages.review.requests import text
from curate.pages.review.session import Session
from curate.pages.review.words import Change

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    Route = Callable[[Request], Response]

STATIC = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LONG_POLL = 20.0  # s that a question for news may stay open; below the 30 s after which some proxies cut a line
MOST_WAITING = 32  # questions for news that wait at once; they have threads of their own, so that nothing else waits
LARGE = 32 * 1024  # bytes of an answer from which on it is compressed: 9 MB of 5,000 pictures are too slow for a tunnel
YEAR = "private, max-age=31536000, immutable"  # a digest names the same picture for ever
Body = Mapping[str, Any]


@lru_cache(maxsize=1)
def static_files() -> Mapping[str, tuple[str, bytes]]:
    """Every file of the page by its name: nothing else can be asked for."""
    return {
        file.name: (TYPES[file.suffix] + "; charset=utf-8", file.read_bytes())
        for file in sorted(STATIC.iterdir())
        if file.suffix in TYPES
    }


def app(session: Session, keys: Keys, stop: Callable[[], Any], **guard: Any) -> Guard:
    """The ASGI application. `stop` ends the server; `guard` are fields of Guard."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    changes: dict[str, Callable[[Body], Any]] = {
        "decide": lambda body: session.decide(_list(body, "decisions")),
        "undecide": lambda body: {"saved": session.undecide(body.get("ids"))},
        "undo": lambda body: {"decisions": session.undo()},
        "redo": lambda body: {"decisions": session.redo()},
        "whatif": lambda body: session.what_if(body.get("ids")),
        "replace": lambda body: session.replace_words(
            _change(body), body.get("ids"), dry_run=body.get("dry_run") is not False
        ),
        "plan": lambda body: session.set_plan(_object(body, "settings")),
        "trigger": lambda body: session.set_trigger(text(body.get("word"), 80)),
        "export": lambda body: session.export(body),
        "stop": lambda body: stop(),
    }
    routes = [
        Route("/", _page("index.html")),
        Route("/favicon.ico", _page("icon.svg")),  # browsers ask for it unasked
        Route("/static/{name}", lambda request: _page(request.path_params["name"])(request)),
        Route("/picture/{size}/{digest}", lambda request: _picture(session, request)),
        Route("/api/set", _telling(session)),
        Route("/api/export", lambda request: _json(session.exporting.state)),
        *(Route(f"/api/{name}", _changing(change), methods=["POST"]) for name, change in changes.items()),
    ]
    served = Starlette(routes=routes)
    served.router.redirect_slashes = False
    return Guard(app=served, keys=keys, **guard)


def _page(name: str) -> Route:
    def page(request: Request) -> Response:
        from starlette.responses import Response

        found = static_files().get(name)
        if found is None:
            return _problem(404, "There is nothing of that name.")
        return Response(found[1], headers={"content-type": found[0], "cache-control": "no-cache"})

    return page


def _picture(session: Session, request: Request) -> Response:
    from starlette.responses import Response

    size, digest = request.path_params["size"], request.path_params["digest"]
    if size not in SIDES:
        return _problem(404, "There is no such size.")
    try:
        made = session.previews.get(size, digest)
    except KeyError:
        return _problem(404, "No picture of this set has that digest.")
    except OSError:
        return _problem(410, "The file is gone or cannot be read any more.")
    except BrokenPicture as error:
        return _problem(410, f"The file cannot be shown: {error.reason}.")
    return Response(made, headers={"content-type": "image/jpeg", "cache-control": YEAR})


def _telling(session: Session) -> Any:
    """The route that tells what changed, at once or, where `wait` is asked for, when it does."""
    waiting: list[Any] = []  # the limiter, which needs a running loop to be made

    def tell(request: Request, patience: float) -> Response:
        asked = request.query_params.get("since", "0")
        version = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 16 else 0
        return _zipped(_json(session.since(version, patience) | {"folder": session.folder}), request)

    async def route(request: Request) -> Response:
        from anyio import CapacityLimiter, to_thread
        from starlette.concurrency import run_in_threadpool

        if "wait" not in request.query_params:
            return await run_in_threadpool(tell, request, 0.0)
        if not waiting:
            waiting.append(CapacityLimiter(MOST_WAITING))
        return await to_thread.run_sync(tell, request, LONG_POLL, limiter=waiting[0])

    return route


def _zipped(answer: Response, request: Request) -> Response:
    """The same, compressed where it is large and the browser can read it."""
    from starlette.responses import Response

    if len(answer.body) < LARGE or "gzip" not in request.headers.get("accept-encoding", ""):
        return answer
    headers = {"content-type": answer.headers["content-type"], "content-encoding": "gzip"}
    # level 1 makes 1.5 MB of 8.4 MB in 0.17 s, level 6 1.2 MB in 0.38 s (5,000 pictures, one busy core)
    return Response(gzip.compress(bytes(answer.body), compresslevel=1), headers=headers)


def _changing(change: Callable[[Body], Any]) -> Any:
    """A route that takes a JSON object, changes something, and says what a user can mend in one line."""

    async def route(request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool

        try:
            body = await request.json()
            if not isinstance(body, dict):
                raise ValueError("expected a JSON object")
            return _json(await run_in_threadpool(change, body))
        except LookupError as error:
            return _problem(404, str(error.args[0] if error.args else error))
        except CurateError as error:
            return _problem(409, str(error))
        except (ValueError, RecursionError) as error:
            return _problem(400, str(error))

    return route


def _json(values: Any) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse(values)


def _problem(status: int, problem: str) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse({"problem": problem}, status_code=status)


def _list(body: Body, name: str) -> list[Any]:
    value = body.get(name)
    if not isinstance(value, list) or not 0 < len(value) <= 50_000:
        raise ValueError(f"{name}: expected a list of 1 to 50,000")
    return value


def _object(body: Body, name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"{name}: expected an object")
    return value


def _change(body: Body) -> Change:
    unit = body.get("unit", "text")
    if unit not in ("text", "word", "tag"):
        raise ValueError("unit: expected text, word or tag")
    return Change(find=text(body.get("find"), 500), put=text(body.get("put"), 2000), unit=unit)
