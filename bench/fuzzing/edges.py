"""Which steps from line to line of curate's own code a run took: an input that takes a new one is worth keeping."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

PACKAGE = str(Path(__file__).parents[2] / "curate")


class Edges:
    """Counts no line of other packages, and costs them one call a function."""

    def __init__(self) -> None:
        self._all: set[tuple[CodeType, int, int]] = set()
        self._new = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watches this thread. `found_new` tells afterwards."""
        self._new = False
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(None)

    @property
    def found_new(self) -> bool:
        return self._new

    def add(self, code: CodeType, before: int, line: int) -> None:
        edge = (code, before, line)
        if edge not in self._all:
            self._all.add(edge)
            self._new = True

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGE):
            return None
        last = [0]

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "line":
                self.add(code, last[0], frame.f_lineno)
                last[0] = frame.f_lineno
            return step

        return step
