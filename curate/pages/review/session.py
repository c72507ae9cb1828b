"""One review: decisions are saved before anybody is told so, and what follows from them is worked out behind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from curate.decisions import Decision, Decisions
from curate.decisions.records import fold
from curate.errors import CurateError
from curate.pages.review import words
from curate.pages.review.document import LONGEST, Document
from curate.pages.review.exporting import Exporting
from curate.pages.review.ids import Ids
from curate.pages.review.previews import Previews
from curate.pages.review.requests import choices, decision_of, plan_settings
from curate.pages.review.reviewed import Reviewed
from curate.pictures import Source
from curate.records import Analysis

SAMPLE = 400  # characters of a changed caption that are shown before it is changed
LOOK = 2.0  # s between two looks at what other processes decided on the same set


class Session:
    """The state behind the page. Safe to use from several threads; `close` ends its own."""

    def __init__(self, reviewed: Reviewed) -> None:
        self._reviewed = reviewed
        self._news = threading.Condition()
        self._wake = threading.Event()
        self._asking = threading.Lock()
        self._closing = False
        self._budget, self._trigger = reviewed.budget, reviewed.trigger
        self._decisions = reviewed.journal.present
        self._analysis = reviewed.decide(self._decisions)
        catalog = self._analysis.catalog
        self._document = Document(ids=Ids(catalog.pictures))
        self._document.show(self._analysis, self._decisions)
        self._stale = True  # the plan is not made yet
        self.previews = Previews(
            Source(catalog.folder, catalog.outside),
            {picture.digest: picture.path for picture in catalog.pictures},
            cache=reviewed.cache,
            background=reviewed.background,
        )
        self.exporting = Exporting(reviewed)
        self._thread = threading.Thread(target=self._work, name="curate-review", daemon=True)
        self._thread.start()

    @property
    def folder(self) -> str:
        return self._analysis.catalog.folder

    @property
    def analysis(self) -> Analysis:
        return self._analysis

    def since(self, version: int, patience: float = 0.0) -> dict[str, Any]:
        """What changed after a version; waits up to `patience` s for the first change."""
        with self._news:
            self._news.wait_for(lambda: self._document.version > version or self._closing, patience)
            return self._document.since(version) | {
                "settled": self._reviewed.journal.present == self._decisions and not self._stale,
                "budget": asdict(self._budget),
                "trigger": self._trigger,
                **({"choices": choices()} if version == 0 else {}),
            }

    def decide(self, wanted: list[Any]) -> dict[str, int]:
        """Saves decisions as one unit of undo; the first settled state later than `version` holds them. Raises
        LookupError, ValueError and CurateError; then none is saved."""
        decisions = [decision_of(values, self._analysis, self._document.ids) for values in wanted]
        self._save(decisions)
        return {"saved": len(decisions), "version": self._document.version}

    def undecide(self, names: object) -> int:
        """Withdraws what was decided on whether these pictures are kept."""
        rows = self._document.ids.rows(names)
        keys = {self._analysis.catalog.pictures[row].digest for row in rows}
        gone = [
            one
            for one in self._reviewed.journal.listing()
            if one.digest in keys and one.kind in ("keep", "leave_out", "keeper")
        ]
        self._reviewed.journal.forget(*gone)
        self._wake.set()
        return len(gone)

    def undo(self) -> list[dict[str, Any]]:
        """Takes back the last unit; what it was, for the page to show."""
        return self._told(self._reviewed.journal.undo())

    def redo(self) -> list[dict[str, Any]]:
        return self._told(self._reviewed.journal.redo())

    def replace_words(self, change: words.Change, names: object, *, dry_run: bool) -> dict[str, Any]:
        """Finds and replaces in the captions of these pictures, as one unit of undo."""
        pictures = self._analysis.catalog.pictures
        rows = self._document.ids.rows(names)
        found = [(row, words.replaced(pictures[row].caption or "", change)) for row in rows]
        found = [(row, new) for row, new in found if new != (pictures[row].caption or "")]
        changed = [(row, new) for row, new in found if len(new) <= LONGEST]
        if not dry_run:
            ids = self._document.ids
            wanted = [{"kind": "caption", "id": ids.names[row], "text": new} for row, new in changed]
            self._save([decision_of(values, self._analysis, ids) for values in wanted])
        shown = [{"id": self._document.ids.names[row], "text": new[:SAMPLE]} for row, new in changed[:50]]
        return {"changed": len(changed), "of": len(rows), "too_long": len(found) - len(changed), "shown": shown}

    def what_if(self, names: object) -> dict[str, float | None]:
        """The effective images that the set would hold without these pictures, and as it is; None: not measured."""
        if not self._analysis.diversity.measured:
            return dict.fromkeys(("effective_images", "without", "cost"))
        pictures = self._analysis.catalog.pictures
        out = [
            Decision(kind="leave_out", digest=pictures[row].digest, path=pictures[row].path)
            for row in self._document.ids.rows(names)
        ]
        with self._asking:  # one after the other: each takes as long as a decision
            supposed = self._reviewed.suppose(Decisions.of(fold(out, self._reviewed.journal.listing())))
        now, then = self._analysis.diversity.effective_images, supposed.diversity.effective_images
        return {"effective_images": round(now, 4), "without": round(then, 4), "cost": round(now - then, 4)}

    def set_plan(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Another budget; the plan follows. Raises ValueError for values that are none."""
        self._budget = plan_settings(values, self._budget)
        self._stale = True
        self._wake.set()
        return {"budget": asdict(self._budget)}

    def set_trigger(self, word: str) -> dict[str, Any]:
        """The word that every caption should hold; the page marks it."""
        self._trigger = word.strip()
        return {"trigger": self._trigger}

    def export(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The listing of a dry run, or the begin of an export. Raises CurateError and ValueError."""
        return self.exporting.run(values, self._reviewed.exact(self._reviewed.journal.present), self._budget)

    def release(self) -> None:
        """Whoever waits for news is answered at once, from now on."""
        self._closing = True
        self._wake.set()
        with self._news:
            self._news.notify_all()

    def close(self) -> None:
        self.release()
        self._thread.join(timeout=10)

    def _save(self, decisions: list[Decision]) -> None:
        self._reviewed.journal.add(*decisions)
        self._wake.set()

    def _told(self, decisions: tuple[Decision, ...]) -> list[dict[str, Any]]:
        self._wake.set()
        first: dict[str, str] = {}
        for name, picture in zip(self._document.ids.names, self._analysis.catalog.pictures, strict=True):
            first.setdefault(picture.digest, name)
        return [{"kind": one.kind, "id": first[one.digest]} for one in decisions if one.digest in first]

    def _work(self) -> None:
        """Works out what follows from the decisions, and looks for those of other processes."""
        while not self._closing:
            idle = not self._wake.wait(LOOK)
            self._wake.clear()
            if self._closing:
                return
            try:
                self._reviewed.journal.refresh()
                self._follow(idle)
            except CurateError as error:
                self._tell_problem(str(error))
            except Exception as error:  # the page must not stand still in silence, and the fault must be seen
                logging.getLogger("curate.review").exception("a fault in curate; decisions are still saved")
                self._tell_problem(f"a fault in curate: {error!r}. Decisions are still saved.")

    def _follow(self, idle: bool) -> None:
        present = self._reviewed.journal.present
        refine = idle and self._analysis.diversity.estimated
        if present != self._decisions or refine:
            analysis = self._reviewed.exact(present) if refine else self._reviewed.decide(present)
            with self._news:
                self._analysis, self._decisions, self._stale = analysis, present, True
                self._document.show(analysis, present)
                self._news.notify_all()
        if self._stale:
            budget = self._budget
            try:
                plan, problem = self._reviewed.plan(self._analysis, budget), ""
            except CurateError as error:
                plan, problem = None, str(error)
            with self._news:
                self._document.show_plan(plan, problem)
                self._stale = budget is not self._budget  # it was changed meanwhile
                self._news.notify_all()

    def _tell_problem(self, problem: str) -> None:
        with self._news:
            self._document.show_plan(None, problem)
            self._stale = False
            self._news.notify_all()
