"""What lies in a folder that was exported, whoever put it there."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20  # bytes hashed at once


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder, by its path below the set with forward slashes. A link is a file, whatever it leads to."""

    path: str
    is_folder: bool


def walk(root: Path, below: str = "") -> Iterator[Entry]:
    """Everything in the folder, in order of names, folders before what is in them; links are not followed.

    Raises OSError for a folder that cannot be read.
    """
    with os.scandir(root / below if below else root) as found:
        entries = sorted(found, key=lambda one: one.name)
    for one in entries:
        path = f"{below}/{one.name}" if below else one.name
        is_folder = one.is_dir(follow_symlinks=False)
        yield Entry(path, is_folder)
        if is_folder:
            yield from walk(root, path)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, hex. Raises OSError where it is missing, no file, or cannot be read."""
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as reader:
        while chunk := reader.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def composed(path: str) -> str:
    """A path in composed normal form: some file systems of macOS give back another than was written."""
    return unicodedata.normalize("NFC", path)
