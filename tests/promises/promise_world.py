"""A set with something of everything, every command, and what a program could change of a folder."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from faulting import world as drawn

from curate.cli import app

Run = Callable[["Place"], list[list[str]]]


@dataclass(frozen=True)
class Place:
    """Where a command finds its set and may write."""

    world: drawn.World
    folder: Path  # the set as the commands are told it: itself, or a read-only view of it
    options: tuple[str, ...] = ("--offline", "--views", "off")  # of every command that measures

    @property
    def scan(self) -> list[str]:
        return [*self.options, *self.cache]

    @property
    def cache(self) -> list[str]:
        return ["--cache", str(self.world.cache)]

    def out(self, name: str) -> str:
        return str(self.world.places / name)


COMMANDS: dict[str, Run] = {  # each with the arguments of all its runs, in an order in which one finds what it needs
    "scan": lambda at: [["scan", str(at.folder), *at.scan], ["scan", str(at.folder), "--json", "--all", *at.scan]],
    "recommend": lambda at: [
        ["recommend", str(at.folder), "--trainer", "kohya", "--target-steps", "50", "--explain", *at.scan]
    ],
    "steps": lambda at: [["steps", str(at.folder), *at.scan]],
    "gaps": lambda at: [["gaps", str(at.folder), *at.scan]],
    "fill": lambda at: [
        ["fill", str(at.world.pool), str(at.folder), "--resolution", "64", "--copy-to", at.out("more"), *at.scan]
    ],
    "report": lambda at: [["report", str(at.folder), "--out", at.out("report.html"), *at.scan]],
    "export": lambda at: [
        ["export", at.out("dry"), str(at.folder), "--dry-run", *at.scan],
        ["export", at.out("set"), str(at.folder), "--trainer", "kohya", "--masks", *at.scan],
        ["export", at.out("set"), str(at.folder), "--trainer", "kohya", "--trigger", "nora", "--update", *at.scan],
        ["export", at.out("linked"), str(at.folder), "--link", "sym", *at.scan],
        ["export", at.out("again"), str(at.folder), "--like", at.out("set"), *at.cache],
    ],
    "verify": lambda at: [["verify", at.out("set")]],
    "compare": lambda at: [
        ["compare", str(at.folder), at.out("set"), "--out", at.out("compared.html"), *at.scan],
    ],
    "decisions list": lambda at: [
        ["decisions", "list", str(at.folder), *at.cache],
        ["decisions", str(at.folder), *at.cache],
    ],
    "decisions export": lambda at: [["decisions", "export", at.out("mine.json"), str(at.folder), *at.cache]],
    "decisions import": lambda at: [["decisions", "import", at.out("mine.json"), str(at.folder), *at.cache]],
    "decisions undo": lambda at: [["decisions", "undo", str(at.folder), *at.cache]],
    "decisions clear": lambda at: [["decisions", "clear", str(at.folder), *at.cache]],
    "models": lambda at: [["models", *at.cache]],
    "models get": lambda at: [["models", "get", "views", "--wheels", str(at.world.desk), *at.cache]],
    "review": lambda at: [],  # it serves until it is ended: see `reviewed`
}


def every_command() -> set[str]:
    """The names of all commands of the command line, those of groups with their group's."""

    def names(group: Any, start: str) -> Iterator[str]:
        for name, command in group.commands.items():
            if not hasattr(command, "commands"):
                yield start + name
                continue
            yield from names(command, f"{start}{name} ")
            if command.invoke_without_command:
                yield start + name

    return set(names(typer.main.get_command(app), ""))


def ran(arguments: list[str]) -> Any:
    """The result of one command in this process; a traceback fails the test."""
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"curate {' '.join(arguments)}") from result.exception
    return result


def reviewed(at: Place) -> list[str]:
    """Serves the page of the set, looks at everything, decides, exports, ends it; the kinds of what was asked."""
    from curate.pages.review import server

    ready = threading.Event()
    addresses: list[str] = []
    plain = server.serve

    def serve(reviewed: Any, place: Any, *, ready: Any, renewed: Any) -> None:
        plain(reviewed, place, ready=lambda address: told(address), renewed=renewed)

    def told(address: str) -> None:
        addresses.append(address)
        ready.set()

    import curate.pages.review as room

    asked: list[str] = []
    visitor = threading.Thread(target=lambda: ready.wait(60) and _visit(addresses[0], asked), daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "serve", serve)
        visitor.start()
        result = ran(["review", str(at.folder), "--no-open", "--export-to", str(at.world.places), *at.scan])
    visitor.join(60)
    assert result.exit_code == 0, result.output
    return asked


def _visit(address: str, asked: list[str]) -> None:
    where, token = address.split("/?")
    line = http.client.HTTPConnection(where.removeprefix("http://"), timeout=60)

    def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
        line.request(method, path, None if body is None else json.dumps(body), headers)
        answer = line.getresponse()
        return answer, answer.read()

    answer, _ = ask("GET", f"/?{token}")
    own = {"Cookie": answer.getheader("set-cookie").split(";")[0], "Origin": where, "Content-Type": "application/json"}
    pictures = json.loads(ask("GET", "/api/set", **own)[1])["pictures"]
    for picture in pictures:
        for size in ("thumb", "screen"):
            assert ask("GET", f"/picture/{size}/{picture['digest']}", **own)[0].status == 200
            asked.append("picture")
    wanted = [
        ("decide", {"decisions": [{"kind": "caption", "id": pictures[0]["id"], "text": "another"}]}),
        ("decide", {"decisions": [{"kind": "leave_out", "id": pictures[1]["id"]}]}),
        ("undo", {}),
        ("export", {"folder": "from-page", "trainer": "folder", "dry_run": True}),
        ("export", {"folder": "from-page", "trainer": "folder", "dry_run": False}),
    ]
    for name, body in wanted:
        status = ask("POST", f"/api/{name}", body, **own)
        assert status[0].status == 200, status[1]
        asked.append(name)
    while json.loads(ask("GET", "/api/export", **own)[1])["state"] == "writing":
        time.sleep(0.05)
    assert json.loads(ask("GET", "/api/export", **own)[1])["state"] == "done"
    ask("POST", "/api/stop", {}, **own)
    line.close()


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedder without weights, for every scan of a test."""
    from curate import features
    from curate.stages import measured

    monkeypatch.setattr(features, "choose", features.choose)  # put back afterwards
    monkeypatch.setattr(measured, "_scale", measured._scale)
    drawn.install()
