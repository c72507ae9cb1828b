"""The journal of one set: what was decided, saved at once, undone and redone without limit, shared by all who look.

Decisions on a set (keep, leave out, keeper, caption) lie in the set's own file. What is true of pictures wherever they
lie (not a copy, view) is also written to a file that all sets share, and read from there.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from curate import addresses
from curate.decisions.log import Log, Unit, event_of
from curate.decisions.records import FACTS, Decision, Decisions
from curate.errors import DecisionError
from curate.settings import ScanSettings

SHARED = "pictures.jsonl"  # facts about pictures, in the folder of decisions; the sets lie in sets/ beside it


class Journal:
    """The decisions on one set. Safe to use from several threads; several processes may share the files.

    `file` is the set's, made with the first decision; `shared` the one for facts about pictures, None: in `file` too.
    `folder` is told in the file, for people. Whatever fails raises DecisionError; nothing that `add` returned from is
    lost by a kill.
    """

    def __init__(self, file: Path, shared: Path | None = None, folder: str = "") -> None:
        self._set = Log(Path(file), folder)
        self._facts = None if shared is None else Log(Path(shared))
        self._lock = threading.RLock()
        self._present: tuple[tuple[Decision, ...], Decisions] | None = None
        self.refresh()

    @property
    def file(self) -> Path:
        return self._set.file

    @property
    def problems(self) -> tuple[str, ...]:
        """What the user should know of the files: a line each."""
        logs = [log for log in (self._set, self._facts) if log is not None and log.damaged]
        lines = {1: "1 damaged line was"}
        return tuple(
            f"decisions {log.file}: {lines.get(log.damaged, f'{log.damaged} damaged lines were')} passed over"
            for log in logs
        )

    @property
    def present(self) -> Decisions:
        """What all decisions say together."""
        return self._read()[1]

    def listing(self) -> tuple[Decision, ...]:
        """The decisions that count, facts about pictures of other sets included, in the order they were made."""
        return self._read()[0]

    def made_here(self) -> tuple[Decision, ...]:
        """Those of them that were decided on this set, whatever its pictures are now."""
        with self._lock:
            return self._set.state

    def refresh(self) -> bool:
        """Reads what other processes added; whether there was anything."""
        with self._lock:
            found = [log.refresh() for log in (self._set, self._facts) if log is not None]
            if any(found):
                self._present = None
            return any(found)

    def add(self, *decisions: Decision) -> None:
        """Decides, as one unit of undo."""
        if decisions:
            at = _now()
            dated = tuple(one if one.at else replace(one, at=at) for one in decisions)
            self._write(Unit(name=secrets.token_hex(8), decisions=dated))

    def forget(self, *decisions: Decision) -> None:
        """Withdraws decisions, as one unit of undo: the pictures are undecided in these points."""
        if decisions:
            self._write(Unit(name=secrets.token_hex(8), decisions=decisions, withdrawn=True))

    def undo(self) -> tuple[Decision, ...]:
        """Takes back the last unit on this set and gives its decisions; () where there is none."""
        return self._turn("undo")

    def redo(self) -> tuple[Decision, ...]:
        """Brings back what was undone last; () where there is nothing, or something was decided since."""
        return self._turn("redo")

    def _turn(self, verb: str) -> tuple[Decision, ...]:
        with self._lock, ExitStack() as stack:
            stack.enter_context(self._set.held())
            unit = self._set.last() if verb == "undo" else self._set.undone()
            if unit is None:
                return ()
            event = {verb: unit.name, "at": _now()}
            facts = _facts_of(unit)
            if self._facts is not None and facts.decisions:
                stack.enter_context(self._facts.held())
                # a decision in another set ends what could be redone here, so a redo is written whole
                self._facts.append(event if verb == "undo" else event_of(facts, _now()))
            self._set.append(event)
            self._present = None
            return unit.decisions

    def _write(self, unit: Unit) -> None:
        with self._lock, ExitStack() as stack:
            stack.enter_context(self._set.held())  # always before the shared file's, so that nobody waits in a ring
            facts = _facts_of(unit)
            if self._facts is not None and facts.decisions:
                stack.enter_context(self._facts.held())
                self._facts.append(event_of(facts, _now()))
            self._set.append(event_of(unit, _now()))
            self._present = None

    def _read(self) -> tuple[tuple[Decision, ...], Decisions]:
        with self._lock:
            if self._present is None:
                found = self._set.state
                if self._facts is not None:
                    own = (one for one in found if one.kind not in FACTS)
                    found = tuple(sorted((*own, *self._facts.state), key=lambda one: one.at))
                self._present = found, Decisions.of(found)
            return self._present


def open_journal(folder: str | Path, settings: ScanSettings) -> Journal:
    """The journal of the set in `folder`, known by its path or address; its file is made with the first decision.

    It lies in `settings.decisions`, which may not be below `folder`, else below `settings.cache`, else in the user's
    data folder, which clearing a cache leaves alone. Raises DecisionError.
    """
    name, place = addresses.whole(folder), _place(settings)
    resolved = None if addresses.is_address(folder) else Path(name)
    if settings.decisions is not None and (place == resolved or resolved in place.parents):
        raise DecisionError(place, f"it lies in the folder of pictures {resolved}", "Name a folder outside it")
    if place.is_file():
        raise DecisionError(place, "it is a file", "Name a folder; `curate decisions import` reads files")
    known = hashlib.sha256(os.fsencode(os.path.normcase(name) if resolved else name)).hexdigest()[:16]
    slug = re.sub(r"[^A-Za-z0-9]+", "-", Path(name).name).strip("-")[:40] or "set"
    return Journal(place / "sets" / f"{slug}-{known}.jsonl", place / SHARED, name)


def _place(settings: ScanSettings) -> Path:
    if settings.decisions is not None:
        return settings.decisions.expanduser().resolve()
    if settings.cache is not None:
        return settings.cache.expanduser().resolve() / "decisions"
    import platformdirs

    return Path(platformdirs.user_data_dir("curate", appauthor=False)) / "decisions"


def _facts_of(unit: Unit) -> Unit:
    return replace(unit, decisions=tuple(one for one in unit.decisions if one.kind in FACTS))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
