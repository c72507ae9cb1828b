"""What the page is told: the JSON of a scan and of a plan, with ids, and of it only what is new to the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from curate import plan as plans
from curate.decisions import Decisions
from curate.pages.as_json import as_object
from curate.pages.review.ids import Ids
from curate.pages.review.tasks import Task, tasks
from curate.plan import Plan
from curate.records import Analysis

LONGEST = 20_000  # characters of a caption that the page is told: it shows no more, and no trainer reads as many
PARTS = ("groups", "diversity", "coverage", "plan", "tasks", "progress", "notes", "broken", "ignored", "model")


@dataclass(slots=True, kw_only=True)
class Document:
    """The present state as plain values; every value knows the version in which it last changed."""

    ids: Ids
    version: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    parts: dict[str, Any] = field(default_factory=dict)
    _row_versions: list[int] = field(default_factory=list)
    _part_versions: dict[str, int] = field(default_factory=dict)
    _asked: dict[str, bool] = field(default_factory=dict)  # every task that was ever open -> answered

    def show(self, analysis: Analysis, decisions: Decisions) -> None:
        """Takes in a new state of the set."""
        values = as_object(analysis)
        self.version += 1
        rows = [
            {**_bounded(picture), "id": name, "yours": _yours(analysis, decisions, row)}
            for row, (name, picture) in enumerate(zip(self.ids.names, values.pop("pictures"), strict=True))
        ]
        before = self.rows or [{}] * len(rows)
        old = self._row_versions or [0] * len(rows)
        self._row_versions = [
            was if row == then else self.version for row, then, was in zip(rows, before, old, strict=True)
        ]
        self.rows = rows
        found = tasks(analysis, decisions)
        self._count(found)
        values["tasks"] = [_task(task, self.ids) for task in found]
        values["progress"] = {"done": sum(self._asked.values()), "all": len(self._asked)}
        for name in PARTS:
            if name in values:
                self._set(name, values[name])

    def show_plan(self, plan: Plan | None, problem: str = "") -> None:
        """Takes in a new plan, or why there is none."""
        self.version += 1
        self._set("plan", {"problem": problem} if plan is None else plans.as_json(plan) | {"problem": ""})

    def since(self, version: int) -> dict[str, Any]:
        """What changed after a version; all of it after version 0."""
        changed = [row for row, at in enumerate(self._row_versions) if at > version]
        return {
            "version": self.version,
            "pictures": [self.rows[row] for row in changed],
            **{name: self.parts[name] for name, at in self._part_versions.items() if at > version},
        }

    def _set(self, name: str, value: Any) -> None:
        if name not in self.parts or self.parts[name] != value:
            self.parts[name], self._part_versions[name] = value, self.version

    def _count(self, found: tuple[Task, ...]) -> None:
        """A question that was open and is gone was answered as well: the pictures of a group were parted."""
        now = {task.key: task.done for task in found}
        self._asked = {key: now.get(key, True) for key in (*self._asked, *now)}


def _bounded(picture: dict[str, Any]) -> dict[str, Any]:
    """A picture whose caption is cut where it is of megabytes; `caption_length` tells how long it is then."""
    caption = picture["caption"]
    if caption is None or len(caption) <= LONGEST:
        return picture
    return {**picture, "caption": caption[:LONGEST], "caption_length": len(caption)}


def _yours(analysis: Analysis, decisions: Decisions, row: int) -> dict[str, Any]:
    """What the user decided of one picture."""
    picture = analysis.catalog.pictures[row]
    return {
        "keep": decisions.keep_of(picture),
        "keeper": decisions.keeper_rank(picture) > 0,
        "caption": decisions.caption_of(picture) is not None,
        "view": decisions.view_of(picture.digest) is not None,
    }


def _task(task: Task, ids: Ids) -> dict[str, Any]:
    return {
        "key": task.key,
        "sort": task.sort,
        "ids": [ids.names[row] for row in task.rows],
        "title": task.title,
        "why": task.why,
        "done": task.done,
    }
