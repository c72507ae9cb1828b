"""The export that the page starts: first its listing, then its progress, then what came of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate.errors import CurateError, ExportError
from curate.output import LAYOUTS
from curate.output import Settings as ExportSettings
from curate.pages.review.requests import text
from curate.pages.review.reviewed import Reviewed
from curate.plan import PlanSettings
from curate.records import Analysis

LISTED = 2000  # lines of a listing that the page is told; the rest is counted
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # device names on Windows


class Exporting:
    """At most one export at a time. Safe to use from several threads."""

    def __init__(self, reviewed: Reviewed) -> None:
        self._reviewed = reviewed
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {"state": "none"}
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> dict[str, Any]:
        with self._lock:
            return dict(self._state)

    def run(self, values: Mapping[str, Any], analysis: Analysis, budget: PlanSettings) -> dict[str, Any]:
        """{"dry_run": true, "name", "trainer", "trigger", "class_word"}: the listing. Without dry_run it begins, and
        `state` tells how far it is. Raises CurateError and ValueError."""
        settings = _settings(values)
        destination = self._reviewed.exports / folder_name(values.get("folder"))
        if values.get("dry_run") is not False:
            written = self._reviewed.export(analysis, destination, settings, plan=budget, dry_run=True, progress=None)
            return {
                "state": "listed",
                "destination": written.destination,
                "lines": list(written.lines[:LISTED]),
                "more": max(0, len(written.lines) - LISTED),
                "pictures": written.pictures,
                "left_out": dict(written.left_out),
            }
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise ExportError("an export is being written", "Wait for its end")
            self._state = {"state": "writing", "stage": "", "done": 0, "all": 0, "destination": str(destination)}
            self._thread = threading.Thread(
                target=self._write, args=(analysis, destination, settings, budget), name="curate-export", daemon=False
            )
            self._thread.start()
            return dict(self._state)

    def _write(self, analysis: Analysis, destination: Path, settings: ExportSettings, budget: PlanSettings) -> None:
        try:
            written = self._reviewed.export(
                analysis, destination, settings, plan=budget, dry_run=False, progress=self._progress
            )
        except CurateError as error:
            self._tell(state="failed", problem=str(error))
        except Exception as error:
            self._tell(state="failed", problem=f"a fault in curate: {error!r}")
            raise
        else:
            self._tell(
                state="done",
                destination=written.destination,
                config=written.config,
                pictures=written.pictures,
                notes=list(written.notes),
            )

    def _progress(self, stage: str, done: int, total: int) -> None:
        self._tell(stage=stage, done=done, all=total)

    def _tell(self, **values: Any) -> None:
        with self._lock:
            self._state = self._state | values


def folder_name(value: Any) -> str:
    """One folder's name, nothing that leads elsewhere. Raises ValueError."""
    name = text(value, 100).strip()
    wrong = set('/\\:*?"<>|\n\t') & set(name)
    if (
        not name
        or name.startswith(".")
        or name.endswith((".", " "))
        or wrong
        or not name.isprintable()
        or RESERVED.fullmatch(name)
    ):
        raise ValueError(f'{name[:60]!r} is no name for a folder: give one without / \\ : * ? " < > | or leading dot')
    return name


def _settings(values: Mapping[str, Any]) -> ExportSettings:
    trainer = text(values.get("trainer", "folder"), 40)
    if trainer not in LAYOUTS:
        raise ValueError(f"no layout is called {trainer!r}; choose one of: {', '.join(LAYOUTS)}")
    return ExportSettings(
        trainer=trainer,
        name=text(values.get("name", ""), 80).strip(),
        class_word=text(values.get("class_word", ""), 80).strip(),
        trigger=text(values.get("trigger", ""), 80).strip(),
    )
