"""A file that is held while an export runs. The system lets go of it when the process ends, however it ends."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FAR = 1 << 20  # bytes: Windows locks a range of bytes, this one beyond what is read
_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextmanager
def held(path: Path, text: str) -> Iterator[None]:
    """A new file with this text, locked. Raises OSError where it cannot be made; a system without locks makes none."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        _taken(file)
        os.write(file, text.encode("utf-8"))
        yield
    finally:
        os.close(file)


def is_held(path: Path) -> bool:
    """Whether a running process holds this file."""
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:  # it is not there, or nobody's
        return False
    try:
        return _taken(file)
    finally:
        os.close(file)


def _taken(file: int) -> bool:
    """Takes the lock; True where another has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(file, _FAR, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            os.lseek(file, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _TAKEN
    return False
