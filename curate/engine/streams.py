"""The error stream of this process, which libraries write to from C++ and cannot be told not to."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0  # threads
_kept: int | None = None  # descriptor of the real stream, while any thread is inside; None: there is none


@contextmanager
def quiet() -> Iterator[None]:
    """While a library starts and greets. Nothing else is lost, as what goes wrong is raised. The stream is one for the
    whole process: the first thread that comes leads it away, and the last that leaves brings it back."""
    with _lock:
        _enter()
    try:
        yield
    finally:
        with _lock:
            _leave()


def _enter() -> None:
    global _inside, _kept
    _inside += 1
    if _inside > 1:
        return
    try:
        _kept = os.dup(2)
    except OSError:  # a process without an error stream
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    os.close(sink)


def _leave() -> None:
    global _inside, _kept
    _inside -= 1
    if _inside == 0 and _kept is not None:
        os.dup2(_kept, 2)
        os.close(_kept)
        _kept = None
