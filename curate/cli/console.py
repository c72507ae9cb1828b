"""The only place that prints: results to stdout, progress and messages to stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
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

    def __init__(self) -> None:
        self._stage, self._start, self._shown = "", 0.0, 0.0
        self._live = sys.stderr.isatty()

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._start, self._shown = stage, now, 0.0
        if not self._live or (now - self._shown < PATIENCE and done < total):
            return
        self._shown = now
        spent = now - self._start
        left = f", {spent / done * (total - done):.0f} s left" if 0 < done < total and spent > 2 else ""
        text = f"{stage} {done:,} of {total:,}{left}" if total else f"{stage} ..."
        sys.stderr.write("\r\x1b[2K" + sayable(text, sys.stderr))
        sys.stderr.flush()

    def clear(self) -> None:
        """Wipes the line before a result is printed."""
        if self._live and self._stage:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
