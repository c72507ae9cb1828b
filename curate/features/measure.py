"""The one pass over the pictures: each that is not known yet is read and decoded once, and measured from that."""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from curate.errors import BrokenPicture
from curate.features import checks, hashes
from curate.features.cores import one_core_a_thread
from curate.features.embed import Embedder, embed_checked, part_of
from curate.features.memory import Store
from curate.features.thumbnails import Thumbnails
from curate.pictures import Source, decode
from curate.records import Catalog, Facts, Features, LeftOut, Picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.settings import ScanSettings

VERSION = 1  # of facts, hashes and checks: raise it when any of them gives other numbers
CPU_BATCH = 8  # pictures a thread decodes before it embeds them, where threads embed side by side: few, so that all end
# together and Ctrl-C waits for little
POLL = 0.1  # s between looks for Ctrl-C, which Windows does not deliver to a thread that waits
AHEAD = 2  # batches that wait for each thread, so that none runs dry while results are stored


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the decoded picture gave, besides its embedding."""

    facts: Facts
    hashes: NDArray[np.uint64]  # [8]
    checks: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Pictures that were measured together, by digest."""

    seen: dict[str, _Seen] = field(default_factory=dict)
    rows: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # embeddings [D]
    broken: dict[str, str] = field(default_factory=dict)  # reasons


def measure(
    catalog: Catalog,
    embedder: Embedder,
    store: Store,
    settings: ScanSettings,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Catalog, Features, Thumbnails]:
    """(catalog, features, thumbnails) of the pictures that can be decoded; the others move to `broken` with a reason.

    Pictures of equal bytes are measured once. What the store knows is not measured again; what is new is stored batch
    by batch, so that an interrupted scan goes on where it ended. The result depends neither on the number of threads
    nor on what came from the store. `progress(done, total)` counts the pictures that had to be measured, from the
    calling thread. Raises ModelError.
    """
    source = Source(catalog.folder)
    thumbnails = Thumbnails(source, settings.background, settings.memory_mb << 20)
    part = _part(settings.background)
    first = {picture.digest: picture for picture in reversed(catalog.pictures)}
    measured = _recall(store, part, embedder, list(first))
    unknown = [picture for digest, picture in reversed(first.items()) if digest not in measured.seen]
    with one_core_a_thread() if unknown else nullcontext():
        for batch in _Workers(source, embedder, settings, thumbnails).measure(unknown):
            store.put(
                {
                    part: {digest: _packed(seen) for digest, seen in batch.seen.items()},
                    part_of(embedder.key): {digest: row.tobytes() for digest, row in batch.rows.items()},
                }
            )
            measured.seen.update(batch.seen)
            measured.rows.update(batch.rows)
            measured.broken.update(batch.broken)
            if progress is not None:
                known = len(first) - len(unknown)
                progress(len(measured.seen) + len(measured.broken) - known, len(unknown))
    found = _without_broken(catalog, measured.broken)
    thumbnails.pictures = found.pictures
    return found, _features(found.pictures, measured), thumbnails


class _Workers:
    """Threads that read, decode and measure. Where the embedder allows it each embeds its own pictures; else they take
    turns at it while the others decode."""

    def __init__(self, source: Source, embedder: Embedder, settings: ScanSettings, thumbnails: Thumbnails) -> None:
        self.source, self.embedder, self.settings, self.thumbnails = source, embedder, settings, thumbnails
        self._concurrent = bool(getattr(embedder, "concurrent", False))
        self._turn: AbstractContextManager[object] = nullcontext() if self._concurrent else threading.Lock()
        self._stop = threading.Event()

    def measure(self, pictures: Sequence[Picture]) -> Iterator[_Batch]:
        """Batches in the order of `pictures`. Leaving early stops the threads: each ends with its present picture."""
        if not pictures:
            return
        threads = self.settings.workers or os.cpu_count() or 1
        most = min(self.settings.batch_size, CPU_BATCH) if self._concurrent else self.settings.batch_size
        size = max(1, min(most, math.ceil(len(pictures) / threads)))
        batches = (pictures[start : start + size] for start in range(0, len(pictures), size))
        pool = ThreadPoolExecutor(threads if self._concurrent else threads + 1, thread_name_prefix="curate-measure")
        waiting: deque[Future[_Batch]] = deque()
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

    def _measure(self, pictures: Sequence[Picture]) -> _Batch:
        batch = _Batch()
        squares = []
        for picture in pictures:
            if self._stop.is_set():
                return _Batch()
            try:
                seen, square = self._see(picture)
            except BrokenPicture as error:
                batch.broken[picture.digest] = error.reason
            else:
                batch.seen[picture.digest] = seen
                squares.append(square)
        if squares:
            with self._turn:
                if self._stop.is_set():
                    return _Batch()
                rows = embed_checked(self.embedder, np.stack(squares))
            batch.rows.update(zip(batch.seen, rows, strict=True))
        return batch

    def _see(self, picture: Picture) -> tuple[_Seen, NDArray[np.uint8]]:
        """What one decode gives, and the square for the embedder. Raises BrokenPicture."""
        decoded = decode(self._read(picture), background=self.settings.background)
        view = checks.view(decoded.rgb)
        values = {name: value for check in checks.CHECKS for name, value in check.measure(view).items()}
        self.thumbnails.add(picture.digest, view.grey)
        return _Seen(decoded.facts, hashes.eight(view.grey), values), self.embedder.prepare(decoded.rgb)

    def _read(self, picture: Picture) -> bytes:
        try:
            data = self.source.read(picture.path)
        except OSError as error:
            raise BrokenPicture(self.source.why_unreadable(picture.path, error)) from error
        if hashlib.sha256(data).hexdigest() != picture.digest:  # else another picture's numbers would be remembered
            raise BrokenPicture("changed while it was scanned")
        return data


def _result(batch: Future[_Batch]) -> _Batch:
    while not batch.done():
        wait((batch,), timeout=POLL)
    return batch.result()


def _part(background: tuple[int, int, int]) -> str:
    """The part of the store for all but embeddings: another set of checks or another background is another part."""
    names = sorted(name for check in checks.CHECKS for name in check.NAMES)
    return f"picture {VERSION} {checks.VERSION} {' '.join(names)} {background}"


def _recall(store: Store, part: str, embedder: Embedder, digests: Sequence[str]) -> _Batch:
    """What the store knows whole."""
    known = _Batch()
    rows = store.get(part_of(embedder.key), digests)
    for digest, value in store.get(part, list(rows)).items():
        with suppress(ValueError, TypeError, KeyError):  # a file that was damaged within; SQLite keeps no checksums
            seen, row = _unpacked(value), np.frombuffer(rows[digest], dtype=np.float32)
            known.seen[digest], known.rows[digest] = seen, row
    return known


def _packed(seen: _Seen) -> bytes:
    """JSON, whose floats come back bit for bit."""
    whole = {"facts": asdict(seen.facts), "hashes": seen.hashes.tolist(), "checks": seen.checks}
    return json.dumps(whole, separators=(",", ":")).encode()


def _unpacked(value: bytes) -> _Seen:
    whole = json.loads(value)
    return _Seen(Facts(**whole["facts"]), np.array(whole["hashes"], dtype=np.uint64), whole["checks"])


def _without_broken(catalog: Catalog, broken: Mapping[str, str]) -> Catalog:
    if not broken:
        return catalog
    left_out = [LeftOut(path=it.path, reason=broken[it.digest]) for it in catalog.pictures if it.digest in broken]
    return replace(
        catalog,
        pictures=tuple(picture for picture in catalog.pictures if picture.digest not in broken),
        broken=tuple(sorted((*catalog.broken, *left_out), key=lambda one: one.path)),
    )


def _features(pictures: Sequence[Picture], measured: _Batch) -> Features:
    digests = [picture.digest for picture in pictures]
    seen = [measured.seen[digest] for digest in digests]
    rows = [measured.rows[digest] for digest in digests]
    return Features(
        facts=tuple(one.facts for one in seen),
        hashes=np.stack([one.hashes for one in seen]) if seen else np.zeros((0, 8), dtype=np.uint64),
        embeddings=np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32),
        checks=tuple(one.checks for one in seen),
    )
