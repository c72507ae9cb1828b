"""The threads that read, decode and measure pictures."""

from __future__ import annotations

import hashlib
import math
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from curate.errors import BrokenPicture
from curate.features import checks, hashes
from curate.features.embed import Embedder, embed_checked
from curate.features.thumbnails import Thumbnails
from curate.pictures import Source, decode
from curate.records import Facts, Picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.settings import ScanSettings

CPU_BATCH = 8  # pictures a thread decodes before it embeds them, where threads embed side by side: few, so that all end
# together and Ctrl-C waits for little
POLL = 0.1  # s between looks for Ctrl-C, which Windows does not deliver to a thread that waits
AHEAD = 2  # batches that wait for each thread, so that none runs dry while results are stored


class Eyes(Protocol):
    """What sees faces and bodies in a decoded picture; called from several threads."""

    def measure(self, rgb: NDArray[np.uint8]) -> dict[str, float]:
        """Raw numbers of a picture, uint8 RGB [H, W, 3], by name."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the decoded picture gave, besides its embedding and its view."""

    facts: Facts
    hashes: NDArray[np.uint64]  # [8]
    checks: dict[str, float]


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures that were measured, by digest."""

    seen: dict[str, Seen] = field(default_factory=dict)
    rows: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # embeddings [D]
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


class Workers:
    """Threads that read, decode and measure. Where the embedder allows it each embeds its own pictures; else they take
    turns at it while the others decode."""

    def __init__(self, tools: Tools, known: Batch) -> None:
        """What `known` holds of a picture is not measured again."""
        self._tools, self._known = tools, known
        self._concurrent = bool(getattr(tools.embedder, "concurrent", False))
        self._turn: AbstractContextManager[object] = nullcontext() if self._concurrent else threading.Lock()
        self._stop = threading.Event()

    def measure(self, pictures: Sequence[Picture]) -> Iterator[Batch]:
        """Batches in the order of `pictures`. Leaving early stops the threads: each ends with its present picture."""
        if not pictures:
            return
        settings = self._tools.settings
        threads = settings.workers or os.cpu_count() or 1
        most = min(settings.batch_size, CPU_BATCH) if self._concurrent else settings.batch_size
        size = max(1, min(most, math.ceil(len(pictures) / threads)))
        batches = (pictures[start : start + size] for start in range(0, len(pictures), size))
        pool = ThreadPoolExecutor(threads if self._concurrent else threads + 1, thread_name_prefix="curate-measure")
        waiting: deque[Future[Batch]] = deque()
        try:
            for batch in batches:
                waiting.append(pool.submit(self._measure, batch))
                if len(waiting) > AHEAD * threads:
                    yield _result(waiting.popleft())
            while waiting:
                yield _result(waiting.popleft())
        finally:
            self._stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _measure(self, pictures: Sequence[Picture]) -> Batch:
        batch = Batch()
        squares: list[NDArray[np.uint8]] = []
        for picture in pictures:
            if self._stop.is_set():
                return Batch()
            try:
                squares += self._see(picture, batch)
            except BrokenPicture as error:
                batch.broken[picture.digest] = error.reason
        if squares:
            with self._turn:
                if self._stop.is_set():
                    return Batch()
                rows = embed_checked(self._tools.embedder, np.stack(squares))
            batch.rows.update(zip(batch.seen, rows, strict=True))
        return batch

    def _see(self, picture: Picture, batch: Batch) -> list[NDArray[np.uint8]]:
        """Puts what one decode gives into the batch; the square for the embedder if it is wanted. Raises BrokenPicture.

        A picture that an earlier run measured without its view is only looked at for that.
        """
        tools, digest = self._tools, picture.digest
        decoded = decode(self._read(picture), background=tools.settings.background)
        if tools.eyes is not None and digest in tools.unseen:
            batch.sightings[digest] = tools.eyes.measure(decoded.rgb)
        if digest in self._known.seen:
            return []
        view = checks.view(decoded.rgb)
        values = {name: value for check in checks.CHECKS for name, value in check.measure(view).items()}
        tools.thumbnails.add(digest, view.grey)
        batch.seen[digest] = Seen(decoded.facts, hashes.eight(view.grey), values)
        return [tools.embedder.prepare(decoded.rgb)]

    def _read(self, picture: Picture) -> bytes:
        source = self._tools.source
        try:
            data = source.read(picture.path)
        except OSError as error:
            raise BrokenPicture(source.why_unreadable(picture.path, error)) from error
        if hashlib.sha256(data).hexdigest() != picture.digest:  # else another picture's numbers would be remembered
            raise BrokenPicture("changed while it was scanned")
        return data


def _result(batch: Future[Batch]) -> Batch:
    while not batch.done():
        wait((batch,), timeout=POLL)
    return batch.result()
