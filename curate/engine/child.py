"""What a child process does: it is sent a task and items, and sends back what the task gives of each, in order.

Frames are a length and a pickle. They come by standard input; what the task prints cannot get among the answers, as
these leave by a copy of standard output while the real one leads nowhere. The child ends when its parent does, since
its input then ends, and leaves Ctrl-C to it.
"""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

LENGTH = struct.Struct("<Q")
LAST = 1 << 20  # bytes of a pickle that is read at once: pipes hold 64 kB, and nothing is gained by more


_serves = False


def is_worker() -> bool:
    """Whether this process was started to run tasks, so that nobody reads what a library writes to its error stream."""
    return _serves


def become_worker() -> None:
    global _serves
    _serves = True


class Stream(Protocol):
    """An unbuffered file, of which one reads, or writes, some bytes at a time."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """How many bytes came; 0 at the end."""

    def write(self, data: memoryview, /) -> int | None:
        """How many bytes went."""


class Raised:
    """An error that a task raised, on its way to where the results are taken."""

    def __init__(self, error: BaseException, trace: str = "") -> None:
        self.error = error
        if trace:
            error.__cause__ = RuntimeError(f"in a child process:\n{trace}")

    def __reduce__(self) -> tuple[object, ...]:
        trace = "".join(traceback.format_exception(type(self.error), self.error, self.error.__traceback__)).rstrip()
        try:
            pickle.loads(pickle.dumps(self.error))
        except Exception:  # many errors cannot be built again from what they were pickled as
            return Raised, (RuntimeError(str(self.error)), trace)
        return Raised, (self.error, trace)


def framed(content: object) -> bytes:
    return b"".join(_parts(content))


def send(stream: Stream, content: object) -> None:
    """Writes it framed, without a copy of what may be large. Raises OSError where nobody reads any more."""
    for part in _parts(content):
        write(stream, part)


def _parts(content: object) -> tuple[bytes, bytes]:
    whole = pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(whole)), whole


def write(stream: Stream, frame: bytes) -> None:
    """Raises OSError where nobody reads any more."""
    rest = memoryview(frame)
    while rest:
        rest = rest[stream.write(rest) or 0 :]


def receive(stream: Stream) -> Any:
    """The next content. Raises EOFError at the end, or where it ends within."""
    (length,) = LENGTH.unpack(_read(stream, LENGTH.size))
    return pickle.loads(_read(stream, length))


def _read(stream: Stream, length: int) -> bytearray:
    whole = bytearray(length)
    rest = memoryview(whole)
    while rest:
        count = stream.readinto(rest[:LAST])
        if not count:
            raise EOFError
        rest = rest[count:]
    return whole


def serve() -> None:
    """Works until the input ends. The first frame: names of modules to import, and bytes of memory (0: no limit)."""
    become_worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    with suppress(EOFError, OSError):  # the parent has gone
        modules, memory = receive(requests)
        _limit(memory)
        for name in modules:
            importlib.import_module(name)
        task: Any = None
        while True:
            kind, content = receive(requests)
            if kind == "task":
                task = attempt(pickle.loads, content)
                send(answers, task if isinstance(task, Raised) else None)
            else:
                send(answers, attempt(task, content))
    os._exit(0)  # whatever threads a library has left


def attempt(action: Callable[[Any], Any], given: Any) -> Any:
    """What the action gives, or Raised."""
    try:
        return action(given)
    except Exception as error:
        return Raised(error)


def _limit(memory: int) -> None:
    """Bytes of address space, where the system has such a limit: macOS has not, Windows has no module for it."""
    if memory and sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
