"""Tasks that child processes are given in tests; they import this file by its name."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path


def double(item: int) -> int:
    return item * 2


def slow_first(item: int) -> int:
    time.sleep(0.3 if item == 0 else 0.0)
    return item


def echo(item: bytes) -> bytes:
    return item


def child_of(item: int) -> int:
    return os.getpid()


def noisy(item: int) -> int:
    print("a decoder prints this", flush=True)
    os.write(1, b"\xff\xff\xff\xff\xff\xff\xff\xff")
    return item


def ignores_ctrl_c(item: int) -> int:
    signal.raise_signal(signal.SIGINT)
    return item


def reads_input(item: int) -> str:
    return sys.stdin.read(1)


class ComplicatedError(Exception):
    """An error that cannot be built again from its pickle."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


@dataclass(frozen=True)
class Harmful:
    """Ends its process in one of several ways when it gets a certain item; each attempt is noted in a file."""

    how: str
    notes: Path
    item: int = 5
    spares: int = -1  # attempt that is spared: 2 lets the second one pass

    def __call__(self, item: int) -> int:
        if item == self.item:
            with self.notes.open("a", encoding="utf-8") as file:
                file.write("x")
            if self.notes.stat().st_size != self.spares:
                self.harm()
        return item * 2

    def harm(self) -> None:
        if self.how == "exit":
            os._exit(0)
        if self.how == "crash":
            os.abort()
        if self.how == "hang":
            time.sleep(60)
        if self.how == "memory":
            bytearray(1 << 50)
        if self.how == "raise":
            raise KeyError("no such thing")
        if self.how == "raise complicated":
            raise ComplicatedError(1, 2)
