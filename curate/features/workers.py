"""Pictures go to child processes, what these saw comes back, and is embedded here in batches."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator, MutableMapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from curate.engine import Engine, Lost
from curate.engine.local import Processes
from curate.features.embed import Embedder, embed_checked
from curate.features.look import Eyes, Glimpse, Look, Seen, Wanted
from curate.features.thumbnails import Thumbnails
from curate.pictures import Source
from curate.records import Picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.settings import ScanSettings

CPU_BATCH = 8  # pictures a batch, where threads embed side by side: few, so that all end together and Ctrl-C waits for
# little
POLL = 0.1  # s between looks for Ctrl-C, which Windows does not deliver to a thread that waits
AHEAD = 2  # batches that wait for each thread, so that none runs dry while results are stored
# what a child needs at its start
MODULES = ("curate.features.look", "cv2", "PIL.JpegImagePlugin", "imagehash", "scipy.fftpack")


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures that were measured, by digest."""

    seen: dict[str, Seen] = field(default_factory=dict)
    rows: MutableMapping[str, NDArray[np.float32]] = field(default_factory=dict)  # embeddings [D]
    sightings: dict[str, dict[str, float]] = field(default_factory=dict)  # raw numbers of faces and bodies
    broken: dict[str, str] = field(default_factory=dict)  # reasons

    def add(self, other: Batch) -> None:
        self.seen.update(other.seen)
        self.rows.update(other.rows)
        self.sightings.update(other.sightings)
        self.broken.update(other.broken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a picture is measured with."""

    source: Source
    embedder: Embedder
    eyes: Eyes | None  # None: no views
    unseen: Set[str]  # digests whose view is wanted
    thumbnails: Thumbnails
    settings: ScanSettings
    engine: Processes
    hashes_only: bool = False  # nothing but what proposes copies


def processes(settings: ScanSettings) -> Processes:
    """The child processes that decode, as many as the settings ask for. None is started yet."""
    return Processes(settings.workers, seconds=settings.most_seconds, modules=MODULES)


class Workers:
    """Child processes that read, decode and measure, and threads that embed: several side by side where the embedder
    allows it, else one."""

    def __init__(self, tools: Tools, known: Batch) -> None:
        """What `known` holds of a picture is not measured again."""
        self._tools, self._known = tools, known
        self._concurrent = bool(getattr(tools.embedder, "concurrent", False))
        self._turn: AbstractContextManager[object] = nullcontext() if self._concurrent else threading.Lock()
        self._stop = threading.Event()

    def measure(self, pictures: Sequence[Picture]) -> Iterator[Batch]:
        """Batches in the order of `pictures`. Leaving early stops the work: each thread ends with its present batch."""
        if not pictures:
            return
        threads = self._tools.engine.workers if self._concurrent else 1
        pool = ThreadPoolExecutor(threads, thread_name_prefix="curate-embed")
        waiting: deque[Future[Batch]] = deque()
        try:
            for batch in self._batches(pictures):
                waiting.append(pool.submit(self._embed, batch))
                while waiting and (waiting[0].done() or len(waiting) > AHEAD * threads):
                    yield _result(waiting.popleft())
            while waiting:
                yield _result(waiting.popleft())
        finally:
            self._stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _batches(self, pictures: Sequence[Picture]) -> Iterator[list[Glimpse]]:
        """What children saw, some pictures at a time."""
        tools, settings = self._tools, self._tools.settings
        task = Look(
            source=tools.source,
            background=settings.background,
            most_pixels=settings.most_pixels,
            prepare=getattr(tools.embedder, "preparer", tools.embedder.prepare),
            eyes=tools.eyes,
            hashes_only=tools.hashes_only,
        )
        known, unseen = self._known.seen, tools.unseen
        wanted = [
            Wanted(path=it.path, digest=it.digest, is_new=it.digest not in known, view=it.digest in unseen)
            for it in pictures
        ]
        engine: Engine = tools.engine
        if not hasattr(tools.embedder, "preparer"):
            engine = Processes(tools.engine.workers, here=True)
        batch: list[Glimpse] = []
        read = tools.source.ahead(one.path for one in wanted)
        items = (replace(one, data=data) for one, data in zip(wanted, read, strict=True))
        for one, found in zip(wanted, engine.run(task, items), strict=True):
            batch.append(Glimpse(digest=one.digest, broken=found.reason) if isinstance(found, Lost) else found)
            if len(batch) >= self._size(len(wanted)):
                yield batch
                batch = []
        if batch:
            yield batch

    def _size(self, pictures: int) -> int:
        """Of a batch, where there are so many pictures in all."""
        asked = self._tools.settings.batch_size
        if not self._concurrent:
            return max(asked, getattr(self._tools.embedder, "at_once", 0))
        return max(1, min(asked, CPU_BATCH, math.ceil(pictures / self._tools.engine.workers)))

    def _embed(self, glimpses: Sequence[Glimpse]) -> Batch:
        batch = Batch()
        squares: list[NDArray[np.uint8]] = []
        for one in glimpses:
            if one.broken:
                batch.broken[one.digest] = one.broken
            if one.sighting is not None:
                batch.sightings[one.digest] = one.sighting
            if one.seen is not None and one.square is not None:
                batch.seen[one.digest] = one.seen.lean()
                squares.append(one.square)
            if one.thumbnail is not None:
                self._tools.thumbnails.add(one.digest, one.thumbnail)
        if squares:
            with self._turn:
                if self._stop.is_set():
                    return Batch()
                rows = embed_checked(self._tools.embedder, np.stack(squares))
            batch.rows.update(zip(batch.seen, rows, strict=True))
        return batch


def _result(batch: Future[Batch]) -> Batch:
    while not batch.done():
        wait((batch,), timeout=POLL)
    return batch.result()
