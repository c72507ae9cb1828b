"""Find and replace in captions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Unit = Literal["text", "word", "tag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of what. Never a pattern: what is typed is what is found."""

    find: str
    put: str
    unit: Unit = "text"  # text: anywhere · word: whole words · tag: whole parts between commas; "" for put removes it


def replaced(caption: str, change: Change) -> str:
    """The caption after the change; upper and lower case count as equal."""
    wanted = change.find.strip() if change.unit != "text" else change.find
    if not wanted:
        return caption
    if change.unit == "tag":
        return _tags(caption, wanted, change.put.strip())
    pattern = re.escape(wanted)
    if change.unit == "word":
        pattern = rf"(?<!\w){pattern}(?!\w)"
    return re.sub(pattern, lambda _: change.put, caption, flags=re.IGNORECASE)


def _tags(caption: str, wanted: str, put: str) -> str:
    tags = [tag.strip() for tag in caption.split(",")]
    if not any(tag.casefold() == wanted.casefold() for tag in tags):
        return caption  # as it was written, white space included
    kept: list[str] = []
    for tag in tags:
        new = put if tag.casefold() == wanted.casefold() else tag
        if new and new not in kept:
            kept.append(new)
    return ", ".join(kept)
