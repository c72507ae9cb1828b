"""One append-only file of decisions, that several processes may write.

JSON lines. The first names the format, each other one is an event: decisions made together, decisions withdrawn, or the
undoing or redoing of an earlier event. A line counts once its line end is on the disk, so a kill costs at most the line
that was being written; it stays as a damaged line and is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.decisions.records import Decision, as_object, fold, of_object
from curate.errors import DecisionError

VERSION = 1  # of the format: raised when an older curate would misread it
MARK = b'{"curate": "decisions"'  # how every file of ours begins
TORN = b"~\n"  # makes no JSON of whatever stands before it
PATIENCE = 10.0  # s to wait for another process; it holds the lock for one write


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What is undone and redone as one: decisions made, or decisions withdrawn."""

    name: str
    decisions: tuple[Decision, ...]
    withdrawn: bool = False


class Log:
    """The events of one file, as far as they were read. `refresh` reads what others have added."""

    def __init__(self, file: Path, folder: str = "") -> None:
        self.file, self.folder = file, folder
        self.damaged = 0  # lines that say nothing, or nothing that this version knows
        self._forget()

    def _forget(self) -> None:
        self.damaged, self._read = 0, 0
        self._units: dict[str, Unit] = {}  # in the order in which they came
        self._undone: list[str] = []  # the last one can be redone first
        self._state: tuple[Decision, ...] | None = None

    @property
    def state(self) -> tuple[Decision, ...]:
        """The decisions that count, in order."""
        if self._state is None:
            undone = set(self._undone)
            state: tuple[Decision, ...] = ()
            waiting: list[Decision] = []
            for unit in self._units.values():
                if unit.name in undone:
                    continue
                if unit.withdrawn:
                    state, waiting = _without(fold(waiting, state), unit.decisions), []
                else:
                    waiting += unit.decisions
            self._state = fold(waiting, state)
        return self._state

    def last(self) -> Unit | None:
        """What an undo takes back."""
        undone = set(self._undone)
        return next((unit for name, unit in reversed(self._units.items()) if name not in undone), None)

    def undone(self) -> Unit | None:
        """What a redo brings back."""
        return self._units[self._undone[-1]] if self._undone else None

    def refresh(self) -> bool:
        """Reads what was added since; whether there was anything. Raises DecisionError for a file that is not ours."""
        with _door(self.file):
            if not self.file.exists():
                changed = bool(self._read)
                self._forget()
                return changed
            if self.file.stat().st_size < self._read:  # another file by that name
                self._forget()
            with self.file.open("rb") as stream:
                if not self._read:
                    self._check(stream.read(len(MARK)))
                stream.seek(self._read)
                data = stream.read()
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole.splitlines():
            self._take(line)
        self._read += len(whole)
        return bool(whole)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes in here. Everything that they wrote before is read. Raises DecisionError."""
        import filelock

        with _door(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(f"{self.file}.lock", timeout=PATIENCE)
            try:
                lock.acquire()
            except filelock.Timeout:
                raise DecisionError(
                    self.file, f"another program has kept it locked for {PATIENCE:.0f} s", "End it and try again"
                ) from None
        try:
            self.refresh()
            yield
        finally:
            lock.release()

    def append(self, *events: dict[str, Any]) -> None:
        """Writes events, on the disk when this returns; only while it is `held`. Raises DecisionError."""
        lines = "".join(json.dumps(event, ensure_ascii=True) + "\n" for event in events).encode("ascii")
        with _door(self.file), self.file.open("ab") as stream:
            if not self._read:  # new, or its first line was torn by a kill
                stream.truncate(0)
                stream.write(self._head())
            elif stream.tell() > self._read:  # a line that was torn by a kill, and that nobody has counted
                stream.write(TORN)
            stream.write(lines)
            stream.flush()
            os.fsync(stream.fileno())
        self.refresh()

    def _head(self) -> bytes:
        return (json.dumps({"curate": "decisions", "version": VERSION, "folder": self.folder}) + "\n").encode("ascii")

    def _check(self, start: bytes) -> None:
        if not MARK.startswith(start[: len(MARK)]):
            raise DecisionError(self.file, "it is no file of curate's decisions", "Move it away or name another place")

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            if "curate" in event:
                self._know(event)
            else:
                self._apply(event)
        except (ValueError, KeyError, TypeError, RecursionError):
            self.damaged += bool(line.strip())
        self._state = None

    def _know(self, head: dict[str, Any]) -> None:
        if not isinstance(head["version"], int) or head["version"] > VERSION:
            raise DecisionError(self.file, f"it is of version {head['version']}, newer than this", "Update curate")

    def _apply(self, event: dict[str, Any]) -> None:
        if "undo" in event:
            if self._units[event["undo"]].name not in self._undone:
                self._undone.append(event["undo"])
        elif "redo" in event:
            self._undone.remove(event["redo"])
        else:
            withdrawn = "withdraw" in event
            decisions = tuple(of_object(one) for one in event["withdraw" if withdrawn else "decide"])
            for name in self._undone:  # a new decision ends what could be redone
                del self._units[name]
            self._undone = []
            self._units[event["unit"]] = Unit(name=event["unit"], decisions=decisions, withdrawn=withdrawn)


def event_of(unit: Unit, at: str) -> dict[str, Any]:
    """A unit as it is written."""
    verb = "withdraw" if unit.withdrawn else "decide"
    return {"unit": unit.name, "at": at, verb: [as_object(one) for one in unit.decisions]}


def _without(state: Sequence[Decision], withdrawn: Sequence[Decision]) -> tuple[Decision, ...]:
    gone = {decision.slot for decision in withdrawn}
    return tuple(decision for decision in state if decision.slot not in gone)


@contextmanager
def _door(file: Path) -> Iterator[None]:
    """Turns what the file system raises into DecisionError."""
    try:
        yield
    except OSError as error:
        problem = error.strerror or str(error)
        raise DecisionError(file, problem, "Free it, or name another place with --decisions FOLDER") from error
