"""What is held in memory because it may be asked for again, within a bound."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Held(Generic[Key, Value]):
    """Values within so many bytes: those that were asked for last. Safe to use from several threads."""

    def __init__(self, room: int, size: Callable[[Value], int]) -> None:
        """`room`: bytes; `size`: of a value."""
        self._room, self._size = room, size
        self.taken = 0  # bytes
        self._values: OrderedDict[Key, Value] = OrderedDict()  # least lately used first
        self._lock = threading.Lock()

    @property
    def keys(self) -> tuple[Key, ...]:
        """Of what is held, the least lately used first."""
        with self._lock:
            return tuple(self._values)

    def get(self, key: Key) -> Value | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Holds a value, unless there is one of that key, or it would leave no room for any other."""
        size = self._size(value)
        with self._lock:
            if key not in self._values and size <= self._room:
                self._values[key] = value
                self.taken += size
            while self.taken > self._room and self._values:
                self.taken -= self._size(self._values.popitem(last=False)[1])

    def once(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of that key, made where it is not held."""
        value = self.get(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value

    def clear(self) -> None:
        """Holds nothing any more."""
        with self._lock:
            self._values.clear()
            self.taken = 0


def give_back() -> None:
    """Gives memory that is free to the system: glibc keeps what many threads have freed, and a few values that still
    live hold on to all of it (https://man7.org/linux/man-pages/man3/malloc_trim.3.html). Nothing on other systems."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library, such as musl
            ctypes.CDLL(None).malloc_trim(0)
