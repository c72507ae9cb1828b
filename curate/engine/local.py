"""Runs tasks in child processes of this machine.

Why processes: decoders are C code that is handed hostile bytes. One that crashes, hangs or takes all memory takes its
process with it; here that is a child, which costs one item, while the scan goes on. And no child waits for another's
interpreter lock.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from curate.engine import Item, Lost, Result
from curate.engine.child import Raised, attempt
from curate.engine.children import CRASHED, CannotStartError, Child, Sent, give_back, idle, take
from curate.errors import EngineError

AHEAD = 2  # items a child is sent before it has answered: it finds the next one there when it is done with one
WINDOW = 32  # items a worker, begun or done, that may wait for one before them: 13 MB of results of pictures
TRIES = 2  # of an item: its child may have died of something else, and the second time it is alone with it
STARTS, MOST_STARTS = 3, 20  # children that are tried in turn where they end before they have begun: where none ever
# began, and where some did
PAUSE = 0.5  # s between them
LOOK = 0.2  # s between looks at what is late, and for Ctrl-C, which Windows does not deliver to a thread that waits


class Processes:
    """An `Engine`. Where no child can be started the task runs in threads of this process, and `problem` says so."""

    def __init__(
        self, workers: int = 0, *, seconds: float = 60.0, modules: Sequence[str] = (), here: bool = False
    ) -> None:
        """`workers`: children; 0: one a core. `seconds`: that an item may take. `modules`: that the task will need,
        imported while the child starts. `here`: no children, for a task that cannot be sent."""
        self.workers = workers or os.cpu_count() or 1
        self.here = here
        self.seconds = seconds
        self.modules = tuple(modules)
        self.problem = ""

    def run(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result | Lost]:
        """See `Engine.run`. Raises CurateError and whatever else the task raises."""
        yield from _Run(self, task, items).results()

    def warm(self, items: int) -> None:
        """Begins to start the children for so many items, while the caller does something else. Tells of no problem:
        `run` will."""
        with suppress(CannotStartError):
            for _ in range(min(self.workers, items) - idle()):
                give_back(Child(self.modules))


_NOTHING = object()  # no result yet


class _Run:
    """One run: each worker is a thread of this process that feeds one child and waits for its answers."""

    def __init__(self, engine: Processes, task: Callable[[Any], Any], items: Iterable[Any]) -> None:
        self._engine, self._task = engine, task
        self._items = iter(items)
        self._pickled = b""
        self._change = threading.Condition()  # guards all that follows
        self._drawn = 0  # items
        self._is_all = False  # no item is left
        self._again: deque[Sent] = deque()  # items whose child died before it answered
        self._tried: Counter[int] = Counter()  # how many children died of an item, by its place
        self._results: dict[int, Any] = {}
        self._wanted = 0  # place of the result that is given next
        self._is_over = False
        self._has_begun = False  # some child took the task
        self._children: set[Child] = set()

    def results(self) -> Iterator[Any]:
        try:
            if not self._engine.here:
                self._pickled = pickle.dumps(self._task, protocol=pickle.HIGHEST_PROTOCOL)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            self._engine.problem = f"{error}: pictures were decoded in this process"
        for _ in range(self._engine.workers):
            threading.Thread(target=self._work, name="curate-feed", daemon=True).start()
        try:
            while not self._is_done():
                result = self._next()
                if isinstance(result, Raised):
                    raise result.error
                if result is not _NOTHING:
                    yield result
        finally:
            with self._change:
                self._is_over = True
                self._change.notify_all()
                for child in self._children:
                    if child.sent:
                        child.kill()

    def _is_done(self) -> bool:
        return self._is_all and self._wanted == self._drawn

    def _next(self) -> Any:
        """The result that is wanted; _NOTHING where it is not there within LOOK."""
        with self._change:
            self._change.wait_for(lambda: self._wanted in self._results or self._is_done(), timeout=LOOK)
            for child in self._children:
                child.check()
            if self._wanted not in self._results:
                return _NOTHING
            self._wanted += 1
            self._change.notify_all()
            return self._results.pop(self._wanted - 1)

    def _work(self) -> None:
        child: Child | None = None
        try:
            while (first := self._draw(wait=True)) is not None:
                child = child or self._child()
                if child is None:
                    self._put(first[0], self._here(*first))
                elif not self._feed(child, first):
                    self._bury(child)
                    child = None
            if child is not None:
                self._leave(child)
                give_back(child)
        except BaseException as error:  # a bug: it is raised where the results are taken
            if child is not None:
                self._leave(child)
                child.end()
            self._put(self._wanted, Raised(error))

    def _child(self) -> Child | None:
        """A child that holds the task; None where there can be none.

        Once some child took it the task is not done here any more: an item might crash it. Then one that ends before
        it has begun is a fault of the moment, and others are started, at last until the run ends.
        """
        if not self._pickled:
            return None
        problem = ""
        for number in range(MOST_STARTS):
            if number >= STARTS and not self._has_begun:
                break
            time.sleep(PAUSE * (number > 0))
            child = None
            try:
                child = take(self._engine.modules)
                with self._change:
                    self._children.add(child)
                if child.takes(self._pickled):
                    self._has_begun = True
                    return child
                problem = "child processes end before they begin"
            except CannotStartError as error:
                problem = str(error)
            if child is not None:
                self._leave(child)
                child.end()
        if self._has_begun:
            raise EngineError("local", f"no more child processes can be had ({problem})", "Close other programs")
        self._engine.problem = f"{problem}: pictures were decoded in this process"
        return None

    def _here(self, at: int, item: Any) -> Any:
        """The result without a child; an item that a child died of is not tried."""
        return Lost(CRASHED) if self._tried[at] else attempt(self._task, item)

    def _feed(self, child: Child, first: Sent) -> bool:
        """Has it do that item and others, until there is nothing to send it. False if it died."""
        drawn: Sent | None = first
        while True:
            while drawn is not None and child.give(*drawn, self._engine.seconds):
                alone = self._tried[drawn[0]] > 0
                drawn = None if alone or len(child.sent) >= AHEAD else self._draw()
            if not child.sent:
                return True
            at = child.sent[0][0]
            try:
                self._put(at, child.answer(self._engine.seconds))
            except (EOFError, OSError):
                if drawn is not None:
                    self._put_back([drawn])
                return False
            drawn = drawn or self._draw()

    def _bury(self, child: Child) -> None:
        """Puts back what a dead child has left: the item that it died of is tried again, once."""
        self._leave(child)
        (at, item), *others = child.sent
        reason = child.why(self._engine.seconds)
        child.end()
        self._put_back(others)
        with self._change:
            self._tried[at] += 1
        if self._tried[at] < TRIES:
            self._put_back([(at, item)])
        else:
            self._put(at, Lost(reason))

    def _put_back(self, items: Sequence[Sent]) -> None:
        with self._change:
            self._again.extend(items)
            self._change.notify_all()

    def _leave(self, child: Child) -> None:
        with self._change:
            self._children.discard(child)

    def _draw(self, *, wait: bool = False) -> Sent | None:
        """An item with its place; None at the end and, unless it may wait, also where results are not taken."""
        with self._change:
            if wait:
                self._change.wait_for(lambda: self._is_over or bool(self._again) or not self._is_far())
            if self._is_over or (self._is_far() and not self._again):
                return None
            if self._again:
                return self._again.popleft() if wait else None
            return None if self._is_all else self._new()

    def _is_far(self) -> bool:
        return self._drawn - self._wanted >= WINDOW * self._engine.workers

    def _new(self) -> Sent | None:
        at = self._drawn
        try:
            item = next(self._items)
        except StopIteration:
            self._is_all = True
            self._change.notify_all()
            return None
        except Exception as error:  # of what the caller draws the items from
            self._is_all, self._drawn, self._results[at] = True, at + 1, Raised(error)
            self._change.notify_all()
            return None
        self._drawn += 1
        return at, item

    def _put(self, at: int, result: Any) -> None:
        with self._change:
            self._results[at] = result
            self._change.notify_all()
