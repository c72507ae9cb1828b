"""The steps that a job takes on the disk, one by one: each can be the last, or fail. And files that cannot be read."""

from __future__ import annotations

import errno
import io
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MAKES = ("os.rename", "os.mkdir", "os.link", "os.symlink")  # audit events of what needs room on a disk
CHANGES = (*MAKES, "os.remove", "os.rmdir", "os.utime", "shutil.rmtree")
SQLITE = "sqlite"  # what is told of a statement of SQLite


def dying(job: Callable[[], Any], at: int) -> Any:
    """The job; before its `at`-th step the process is killed."""
    seen = [0]

    def step(what: str) -> None:
        seen[0] += 1
        if seen[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)  # until it takes effect

    _watch(step, CHANGES)
    return job()


def without_room(job: Callable[[], Any], at: int, below: str = "") -> Any:
    """(the job's answer, whether it took that many steps): from the `at`-th step on the disk below a folder is full.

    `below`: "" counts SQLite's statements instead.
    """
    seen = [0]

    def step(what: str) -> None:
        if (what == SQLITE) is bool(below) or below not in what:
            return
        seen[0] += 1
        if seen[0] >= at:
            if what == SQLITE:
                raise sqlite3.OperationalError("database or disk is full")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    _watch(step, MAKES)
    _watch_writes(step, below)
    return job(), seen[0] >= at


def _watch(step: Callable[[str], None], events: tuple[str, ...]) -> None:
    """Calls `step` before every such change, every file that is opened for writing and every statement of SQLite."""

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if event in events or writes:
            step(os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else str(arguments[0]))

    sys.addaudithook(heard)
    plain = sqlite3.connect

    class Counted(sqlite3.Connection):
        def execute(self, *arguments: Any) -> Any:
            step(SQLITE)
            return super().execute(*arguments)

        def executemany(self, *arguments: Any) -> Any:
            step(SQLITE)
            return super().executemany(*arguments)

    sqlite3.connect = lambda *some, **named: plain(*some, **{"factory": Counted, **named})


def _watch_writes(step: Callable[[str], None], below: str) -> None:
    """Calls `step` before every write and every flush to the disk by descriptor too."""
    write, fsync = os.write, os.fsync

    def counted_write(file: int, data: Any) -> int:
        step(_path_of(file))
        return write(file, data)

    def counted_fsync(file: Any) -> None:
        step(_path_of(file if isinstance(file, int) else file.fileno()))
        fsync(file)

    if below:
        os.write, os.fsync = counted_write, counted_fsync


def _path_of(file: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{file}").readlink())
    except OSError:
        return ""


def failing_reads(path: str, after: int, error: int) -> None:
    """From now on reads of the file at `path` fail behind its first `after` bytes."""
    _slip_in(lambda stream: _Torn(stream, after, error), path)
    plain_open, plain_read = os.open, os.read
    files: dict[int, int] = {}

    def opened(name: Any, *more: Any, **named: Any) -> int:
        file = plain_open(name, *more, **named)
        files.pop(file, None)
        if os.fspath(name) == path:
            files[file] = 0
        return file

    def read(file: int, size: int) -> bytes:
        if file not in files:
            return plain_read(file, size)
        if files[file] >= after:
            raise OSError(error, os.strerror(error))
        data = plain_read(file, min(size, after - files[file]))
        files[file] += len(data)
        return data

    os.open, os.read = opened, read


def slow_reads(seconds: float) -> None:
    """From now on every file that is read takes that long to open, as on a slow mount."""

    def late(stream: Any) -> Any:
        time.sleep(seconds)
        return stream

    _slip_in(late, "")


def _slip_in(wrap: Callable[[Any], Any], path: str) -> None:
    plain = io.open

    def opened(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
        stream = plain(file, mode, *more, **named)
        ours = not isinstance(file, int) and (not path or os.fspath(file) == path)
        return wrap(stream) if ours and "r" in mode and "+" not in mode else stream

    io.open = opened


class _Torn:
    """A stream that breaks."""

    def __init__(self, stream: Any, after: int, error: int) -> None:
        self._stream, self._left, self._error = stream, after, error

    def read(self, size: int = -1) -> bytes:
        if self._left <= 0:
            raise OSError(self._error, os.strerror(self._error))
        data: bytes = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        if size < 0:
            raise OSError(self._error, os.strerror(self._error))
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _Torn:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stream.close()


def jumping_clocks(seed: int) -> None:
    """From now on the clocks jump back and forth by up to a month, at every look."""
    from random import Random

    random = Random(seed)
    month = 30 * 86_400

    def jumps(plain: Callable[[], Any], unit: float) -> Callable[[], Any]:
        return lambda: plain() + type(plain())(random.uniform(-month, month) * unit)

    for name in ("time", "monotonic", "perf_counter"):
        setattr(time, name, jumps(getattr(time, name), 1.0))
        setattr(time, f"{name}_ns", jumps(getattr(time, f"{name}_ns"), 1e9))
