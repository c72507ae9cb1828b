"""What the review page needs of the rest: handed in, so that the page wires nothing together itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from curate.decisions import Decision, Decisions
from curate.output import Settings as ExportSettings
from curate.output import Written
from curate.plan import Plan, PlanSettings
from curate.records import Analysis

Progress = Callable[[str, int, int], None]
"""(stage, done, all); all is 0 while it is not known."""


class Journal(Protocol):
    """The decisions of one set, as curate.decisions.Journal keeps them: on the disk when a method returns."""

    @property
    def present(self) -> Decisions: ...

    @property
    def problems(self) -> tuple[str, ...]: ...

    def listing(self) -> tuple[Decision, ...]: ...

    def add(self, *decisions: Decision) -> None: ...

    def forget(self, *decisions: Decision) -> None: ...

    def undo(self) -> tuple[Decision, ...]: ...

    def redo(self) -> tuple[Decision, ...]: ...

    def refresh(self) -> bool: ...


class Export(Protocol):
    """Writes the set as it was decided, or says what would be written. Raises CurateError."""

    def __call__(
        self,
        analysis: Analysis,
        destination: Path,
        settings: ExportSettings,
        /,
        *,
        plan: PlanSettings,
        dry_run: bool,
        progress: Progress | None,
    ) -> Written: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """One measured set, and what can be done with it."""

    journal: Journal
    decide: Callable[[Decisions], Analysis]  # the set under these decisions, at once: numbers may be estimated
    exact: Callable[[Decisions], Analysis]  # the same as a scan gives it
    suppose: Callable[[Decisions], Analysis]  # as `decide`, for what is only asked: no later estimate rests on it
    plan: Callable[[Analysis, PlanSettings], Plan]
    export: Export
    exports: Path  # the folder in which exports are made, by a name that the page gives
    budget: PlanSettings  # what the plan begins with
    trigger: str = ""  # word that every caption should hold
    cache: Path | None = None  # curate's cache folder, for thumbnails; None: they stay in memory
    background: tuple[int, int, int] = (255, 255, 255)  # RGB 0-255 behind transparent pixels
