"""Text from names, captions and files as a page may show it: nothing invisible, nothing endless, no absolute path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

LONGEST = 2000  # characters of any one text on the page: a caption of 3 MB is no reading
CAPTION = 400  # characters of a caption that are shown
JOINERS = "\u200c\u200d"  # part of how Persian and emoji are spelled, and without effect on what stands beside them
# A path from the root of a disk, a drive or a server, up to its last part. Folders may hold spaces, so the words
# between a path and a relative one go too (rather a word less than a folder too much), but none ends with a space: what
# follows one begins another path.
ABSOLUTE = re.compile(
    r"(?:(?<![\w.:/\\…])|(?<=[^:/]/))(?:[A-Za-z]:[\\/]|\\\\|/)"
    r"(?:[^\s\\/:;,'\"<>|()][^\\/:;,'\"<>|()\n]*(?<!\s)[\\/])*(?=[^\s\\/:;,'\"<>|()])"
)
# What the user wrote, or a place below the scanned folder: never taken for an absolute path
OWN = frozenset(
    ("path", "keeper", "caption", "caption_path", "mask", "subset", "digest", "oriented", "transparent", "uncaptioned",
     "odd", "groups", "regularisation")
)  # fmt: skip


def shown(text: str, longest: int = LONGEST) -> str:
    """The text with a visible symbol for each character that has none of its own, cut where it is endless.

    Control characters become their pictures (NUL ␀), marks that turn the direction of text or hide in it their number
    (‹U+202E›), halves of characters that no encoding has �.
    """
    rest = len(text) - longest
    cut = text if rest <= 0 else text[:longest]
    clean = cut if cut.isprintable() else "".join(c if c.isprintable() else _symbol(c) for c in cut)
    return clean if rest <= 0 else f"{clean} … and {rest:,} more characters"


def shortened(name: str, longest: int = 120) -> str:
    """A file's name, its middle left out where it is long: the end tells files of one series apart."""
    return name if len(name) <= longest else f"{name[: longest // 2]}…{name[-(longest // 2) :]}"


def without_paths(text: str, known: Iterable[str] = ()) -> str:
    """The text with only the last part of each absolute path. `known`: folders that may hold spaces, spelled out."""
    for folder in known:
        if len(folder) > 1:
            text = text.replace(folder.rstrip("/\\"), "…")
    return ABSOLUTE.sub("…/", text)


def redacted(value: Any, known: tuple[str, ...] = (), key: str = "") -> Any:
    """A JSON value with the absolute paths of its sentences shortened; captions and the set's own paths as they are."""
    if isinstance(value, str):
        return value if key in OWN else without_paths(value, known)
    if isinstance(value, dict):
        return {name: redacted(inner, known, name) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(inner, known, key) for inner in value]
    return value


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def sentence(text: str) -> str:
    """With a capital at its start and a stop at its end."""
    text = text.strip()
    return text if not text else text[:1].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def _symbol(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    kind = unicodedata.category(character)
    if kind == "Zs":
        return " "
    if kind == "Cs":
        return "�"
    return character if character in JOINERS else f"‹U+{code:04X}›"
