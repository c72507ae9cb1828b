"""Where pictures are looked at: in child processes of this machine, or on many machines.

An engine knows nothing of pictures. It is given a task, any callable that can be pickled, and items, and hands back
what the task gave of each, in the order of the items, whatever the number of workers and whichever ended first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from curate.engine.child import is_worker
from curate.engine.streams import quiet

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Lost:
    """Stands for the result of an item whose worker ended or was ended before it gave one, each time it was tried."""

    reason: str  # for the list of broken files: "its decoder crashed", "took more than 60 s to decode"


class Engine(Protocol):
    """Runs tasks; may be used for one scan after the other, by one thread at a time."""

    def run(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result | Lost]:
        """What `task` gives of each item, in their order, as it comes: few items are drawn ahead of what is taken.

        The task is sent to each worker once. What it expects to fail it returns; what it raises is a bug, and is
        raised here. A worker that dies, or takes longer than the engine allows, costs nobody but its item: that one is
        tried again alone, then given as Lost. Leaving the iterator early ends the work that nobody waits for.
        """


__all__ = ["Engine", "Item", "Lost", "Result", "is_worker", "quiet"]
