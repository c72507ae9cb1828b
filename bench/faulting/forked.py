"""A job in a process of its own that begins with everything imported: forked, so POSIX only."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 120.0  # s after which a job counts as hanging; the longest takes about one, on a busy machine ten
TICK = 0.002  # s between two looks

Job = Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a job ended."""

    value: Any = None  # what it gave, as JSON has it
    error: str = ""  # what it raised: the class's name and its text; "" for nothing
    declared: bool = True  # what it raised is an error that a user is told in one line
    killed: bool = False
    seconds: float = 0.0


class Child:
    """A running job."""

    def __init__(self, job: Job, desk: Path) -> None:
        """`desk`: folder for what it gives."""
        self._paper = desk / f"answer-{time.monotonic_ns()}"
        self._start = time.monotonic()
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            _work(job, self._paper)

    def kill(self, sign: int = signal.SIGKILL) -> None:
        os.kill(self.pid, sign)

    def alive(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def end(self, patience: float = PATIENCE) -> Answer:
        """Waits for it. Whoever hangs is killed, and that is an error that nobody declared."""
        late = self._start + patience
        while self.alive() and time.monotonic() < late:
            time.sleep(TICK)
        hangs = self.alive()
        if hangs:
            self.kill()
        _, status = os.waitpid(self.pid, 0)
        took = time.monotonic() - self._start
        if hangs:
            return Answer(error=f"hangs after {patience:.0f} s", declared=False, seconds=took)
        if os.WIFSIGNALED(status):
            return Answer(killed=True, seconds=took)
        values = json.loads(self._paper.read_text(encoding="utf-8"))
        self._paper.unlink()
        return Answer(**values, seconds=took)


def run(job: Job, desk: Path) -> Answer:
    """A job from its beginning to its end."""
    return Child(job, desk).end()


def killed_after(child: Child, delay: float) -> None:
    """A second process kills the child `delay` s from now, whatever this one is doing then."""
    pid = os.fork()
    if not pid:
        time.sleep(delay)
        try:
            child.kill()
        finally:
            os._exit(0)
    _KILLERS.append(pid)


def rest() -> None:
    """Waits for those who killed."""
    while _KILLERS:
        os.waitpid(_KILLERS.pop(), 0)


_KILLERS: list[int] = []


def _work(job: Job, paper: Path) -> None:
    """In the child: never returns."""
    try:
        values: dict[str, Any] = {"value": job()}
    except BaseException as error:
        from curate.errors import CurateError

        told = isinstance(error, (CurateError, KeyboardInterrupt))
        text = f"{type(error).__name__}: {error}" if told else traceback.format_exc()
        values = {"error": text, "declared": told}
    partial = paper.with_suffix(".partial")
    partial.write_text(json.dumps(values), encoding="utf-8")
    partial.rename(paper)
    os._exit(0)
