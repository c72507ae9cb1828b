"""A new folder takes the place of an old one, in one step where the system can."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

_HERE = -100  # AT_FDCWD, linux/fcntl.h: paths are those of the working folder
_EXCHANGE = 2  # RENAME_EXCHANGE, linux/fs.h; RENAME_SWAP, sys/stdio.h of macOS has the same value


def become(new: Path, destination: Path) -> None:
    """`new` is renamed to `destination`, where nothing or an empty folder lies. Raises OSError."""
    if os.name == "nt" and destination.exists():
        destination.rmdir()  # Windows renames onto nothing that exists; it is empty, or this fails
    new.rename(destination)
    flush(destination.parent)


def exchange(new: Path, destination: Path, old: Path) -> None:
    """`destination` becomes `new`, and what it was lies at `old` afterwards.

    Linux and macOS swap the two names in one step. Elsewhere two renames do it: a kill between them leaves no
    `destination`, and both sets whole beside it. Raises OSError, with everything as it was.
    """
    if _swapped(new, destination):
        flush(destination.parent)
        new.rename(old)
        return
    destination.rename(old)
    try:
        new.rename(destination)
    except BaseException:
        old.rename(destination)
        raise
    flush(destination.parent)


def flush(path: Path) -> None:
    """A file's content, or the names in a folder, reach the disk."""
    if os.name == "nt":
        return
    file = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems sync no folders
            os.fsync(file)
    finally:
        os.close(file)


def _swapped(one: Path, other: Path) -> bool:
    """Whether the system could swap the two names: not all kernels and file systems can."""
    if sys.platform not in ("linux", "darwin"):
        return False
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    paths = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            return bool(library.renamex_np(*paths, ctypes.c_uint(_EXCHANGE)) == 0)
        return bool(library.renameat2(_HERE, paths[0], _HERE, paths[1], ctypes.c_uint(_EXCHANGE)) == 0)
    except AttributeError:  # a C library from before the call
        return False
