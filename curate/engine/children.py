"""Child processes of this machine: each is sent a task and items, and answers one after the other.

They are started by the interpreter's own command line (no fork, no guard in the caller's script, the same on every
system), kept for the life of this process, and used by one run after the other.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from curate.engine.child import Raised, framed, receive, send, write

MEMORY = 12 << 30  # bytes of address space a child: 512 megapixels take 7 GB, the libraries' code and stacks 3
START = 120.0  # s for a child to start: 1 s on an idle machine
PIPE = 1 << 20  # bytes that an answer may lie in until it is read, where the system allows it: of a picture 400 kB
SMALL = 2_048  # bytes that a child may be sent while it works: a pipe holds 4 kB on Windows, 16 and 64 kB elsewhere
ENDING = 1.0  # s for a process that has closed its pipe to end
CRASHED = "its decoder crashed"
ONE_CORE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # the children share the cores already
MEMORY_KEPT = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
# bytes; of glibc, read by no other: blocks below the first (its own limit) are used again and not given back to the
# system for each picture, whose 2,100 page faults took 5 of 21 ms for 1024 x 1024 px
_CODE = "import sys; sys.path[:] = {path!r}; from curate.engine.child import serve; serve()"

Sent = tuple[int, Any]  # an item and its place among the items


class CannotStartError(Exception):
    """No child process can be had: a frozen program, a system without processes, a limit on their number."""


class Child:
    """A child process, and what it was sent and has not answered yet."""

    def __init__(self, modules: Sequence[str]) -> None:
        if getattr(sys, "frozen", False) or not sys.executable:
            raise CannotStartError("this program has no interpreter of its own to start")
        command = [sys.executable, "-c", _CODE.format(path=[str(part) for part in sys.path])]
        environment = {**MEMORY_KEPT, **os.environ, **ONE_CORE}
        self.sent: deque[Sent] = deque()
        self.due = 0.0  # time.monotonic() until which the first of them may take; 0: nothing is waited for
        self._is_late = False
        try:
            self._process = subprocess.Popen(
                command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise CannotStartError(str(error)) from error
        self._input: Any = self._process.stdin
        self._output: Any = self._process.stdout
        _widen(self._output)
        _all.add(self)
        with suppress(OSError):  # it ended at once: the first answer will tell
            self._send((tuple(modules), MEMORY))

    def takes(self, task: bytes) -> bool:
        """Hands it a pickled task; False if it has ended. Raises CannotStartError for a task that cannot be loaded."""
        self.due = time.monotonic() + START
        try:
            self._send(("task", task))
            answer = receive(self._output)
        except (EOFError, OSError):
            return False
        self.due = 0.0
        if isinstance(answer, Raised):
            self.end()
            raise CannotStartError(str(answer.error))
        return True

    def give(self, at: int, item: Any, seconds: float) -> bool:
        """Sends it an item; False where that has to wait for its next answer, lest both write and neither reads."""
        frame = framed(("item", item))
        if self.sent and len(frame) > SMALL:
            return False
        self.sent.append((at, item))
        if len(self.sent) == 1:
            self.due = time.monotonic() + seconds
        with suppress(OSError):  # it died: the next answer will tell
            write(self._input, frame)
        return True

    def answer(self, seconds: float) -> Any:
        """What came of the first item that it was sent. Raises EOFError if the child died over it."""
        result = receive(self._output)
        self.sent.popleft()
        self.due = time.monotonic() + seconds if self.sent else 0.0
        return result

    def check(self) -> None:
        """Ends it if it is late."""
        due = self.due
        if due and time.monotonic() > due:
            self._is_late = True
            self.kill()

    def kill(self) -> None:
        self._process.kill()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        _all.discard(self)
        self._process.kill()
        self._process.wait()
        for stream in (self._input, self._output):
            with suppress(OSError):
                stream.close()

    def why(self, seconds: float) -> str:
        """Why it died, for the list of broken files."""
        if self._is_late:
            return f"took more than {seconds:g} s to read and decode"
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=ENDING)  # its pipe ends a little before it does
        code = self._process.poll()
        return f"{CRASHED} ({_named(code)})" if code else CRASHED

    def _send(self, content: object) -> None:
        send(self._input, content)


def _widen(pipe: Any) -> None:
    """Makes it hold a whole answer, so that a child goes on to its next picture while nobody reads. Pipes hold 64 kB
    else, and 16 on macOS (https://man7.org/linux/man-pages/man7/pipe.7.html)."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):  # more than this user may have
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


def _named(code: int) -> str:
    """An exit code, or on POSIX the signal that ended the process."""
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit code {code}"


_lock = threading.Lock()
_idle: list[Child] = []
_all: set[Child] = set()


def idle() -> int:
    """How many children wait for work."""
    return len(_idle)


def take(modules: Sequence[str]) -> Child:
    """A child that waits for work, or a new one. Raises CannotStartError."""
    while True:
        with _lock:
            child = _idle.pop() if _idle else None
        if child is None:
            return Child(modules)
        if child.is_alive():
            return child
        child.end()


def give_back(child: Child) -> None:
    with _lock:
        _idle.append(child)


def end_children() -> None:
    """Ends all children of this process; later runs start new ones."""
    with _lock:
        _idle.clear()
    for child in list(_all):
        child.end()


def _forget() -> None:
    """In a fork of this process: the children are its parent's."""
    global _lock
    _lock = threading.Lock()
    _idle.clear()
    _all.clear()


atexit.register(end_children)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
