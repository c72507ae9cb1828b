"""The only place that prints: results to stdout, progress and messages to stderr."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import typer

from curate.errors import CurateError

if TYPE_CHECKING:
    from curate.pages import Line

ASCII = str.maketrans(
    {"×": "x", "–": "-", "—": "-", "·": "|", "≥": ">=", "≤": "<=", "█": "#", "▓": "=", "▒": "-", "░": ".", "°": " deg",
     "→": "->", "…": "...", "±": "+-", "≈": "~", "▲": "^", "│": "|", "─": "-"}
)  # fmt: skip
STYLES = {"title": "bold", "head": "bold cyan", "name": "bold", "good": "green", "warn": "yellow", "dim": "dim"}
PATIENCE = 0.1  # s between two updates of the progress line
HONEST = 3.0  # s before which nothing is said of the time left: the start of child processes takes one or two
MARK, RECENT = 1.0, 30.0  # s between two notes of how far a stage is, and the age from which one no longer counts


def show(lines: Iterable[Line]) -> None:
    """Prints styled lines to stdout; without colour where it is piped."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False, soft_wrap=True, legacy_windows=False)
    for line in lines:
        console.print(Text(sayable(line.text, sys.stdout), style=STYLES.get(line.style, "")))


def write(text: str) -> None:
    """Prints plain text to stdout."""
    print(sayable(text, sys.stdout), flush=True)


def tell(text: str) -> None:
    """Prints a message to stderr."""
    print(sayable(text, sys.stderr), file=sys.stderr, flush=True)


def sayable(text: str, stream: TextIO) -> str:
    """The text in characters that the stream can encode; ASCII stand-ins where it cannot."""
    encoding = stream.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(encoding, "replace").decode(encoding)
    return text


@contextmanager
def told() -> Iterator[None]:
    """Turns what a user can mend into one line and exit 1, and Ctrl-C into exit 130."""
    try:
        yield
    except CurateError as error:
        tell(f"curate: {one_line(str(error))}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        tell("\ncurate: interrupted; what was measured is kept")
        raise typer.Exit(130) from None
    except BrokenPipeError:
        raise typer.Exit(0) from None


def one_line(text: str) -> str:
    """Without line breaks or control characters, which names and system messages may hold."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class ProgressLine:
    """One line on stderr that tells the stage, how far it is and how long it will take; silent where it is piped."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._stage, self._shown = "", 0.0
        self._clock, self._left = clock, TimeLeft()
        self._live = sys.stderr.isatty()

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = self._clock()
        if stage != self._stage:
            self._stage, self._shown, self._left = stage, -PATIENCE, TimeLeft()
        left = self._left.after(now, done, total)
        if not self._live or (now - self._shown < PATIENCE and done < total):
            return
        self._shown = now
        said = "" if left is None else f", {about(left)} left"
        text = f"{stage} {done:,} of {total:,}{said}" if total else f"{stage} ..."
        sys.stderr.write("\r\x1b[2K" + sayable(text, sys.stderr))
        sys.stderr.flush()

    def clear(self) -> None:
        """Wipes the line before a result is printed."""
        if self._live and self._stage:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


class TimeLeft:
    """How long a stage will take, by its rate of late: of the last half minute to minute, so that neither a slow start
    nor files that were known already count for long. Not a record."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._marks: deque[tuple[float, int]] = deque()  # (s, done), MARK s apart

    def after(self, now: float, done: int, total: int) -> float | None:
        """Seconds, at the time `now` in s; None where it cannot be told yet, or at all."""
        if self._marks and done < self._marks[-1][1]:  # the stage has begun anew
            self._began = None
            self._marks.clear()
        if self._began is None:
            self._began = now
        if not self._marks or now - self._marks[-1][0] >= MARK:
            self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[1][0] >= RECENT:
            self._marks.popleft()
        since, before = self._marks[0]
        if now - self._began < HONEST or not 0 < done < total or done == before:
            return None
        return (now - since) / (done - before) * (total - done)


def about(seconds: float) -> str:
    """A time to wait, no finer than anybody can tell it: 40 s, 3 min, 2 h 10 min.

    >>> about(41.3), about(190), about(7_900)
    ('41 s', '3 min', '2 h 10 min')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(round(seconds / 600) * 10, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
