"""Lines of a page in the terminal: at most 80 columns, no control characters, each with a style."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

WIDTH = 80  # columns
FEW = 8  # entries of a list that are printed before "and n more"

Style = Literal["plain", "title", "head", "name", "good", "warn", "dim"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One printed line: no control characters, at most WIDTH columns."""

    text: str
    style: Style = "plain"


def clean(text: str) -> str:
    """Text without control characters or direction marks, which file names may hold."""
    return "".join(c if c.isprintable() else "�" for c in text)


def wrap(text: str, indent: int, style: Style = "plain", hanging: int | None = None) -> Iterator[Line]:
    first, rest = " " * indent, " " * (indent if hanging is None else hanging)
    for piece in textwrap.wrap(clean(text), WIDTH, initial_indent=first, subsequent_indent=rest) or [""]:
        yield Line(text=piece, style=style)


def entry(name: str, text: str, indent: int, column: int) -> Iterator[Line]:
    """A file name and a sentence: on one line where both fit, else the sentence below the name."""
    name = clean(name)
    if indent + len(name) < column:
        head = " " * indent + name
        pieces = textwrap.wrap(clean(text), WIDTH - column) or [""]
        yield Line(text=f"{head:<{column}}{pieces[0]}".rstrip())
        for piece in pieces[1:]:
            yield Line(text=" " * column + piece)
    else:
        yield from (Line(text=piece) for piece in textwrap.wrap(name, WIDTH, initial_indent=" " * indent))
        yield from wrap(text, column)


def some(items: Sequence[str], few: int) -> str:
    shown = ", ".join(items[:few])
    return shown if len(items) <= few else f"{shown} and {len(items) - few} more (--all names them)"


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
