"""What comparing a set found, kept for the next scan of the same folder, so that only what is new is compared then.

The same answer comes out as without it: a list of neighbours is carried over only while every picture in it is there
with the same embedding, newcomers are compared with all, and cosines are counted pair by pair (`propose.cosines`), so
that they are the same bits whatever was searched together.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol

import numpy as np

from curate.copies import propose
from curate.copies.propose import Neighbours
from curate.features.vectors import Selected

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    Hashes = NDArray[np.uint64]
    Vectors = NDArray[np.float32]

WHAT = "compared 1"  # 1: version of what is kept and of how it is found
LEAST = 2_000  # pictures below which comparing all anew takes less than reading what was kept
NEW = 0.25  # share of the pictures to be searched from which a whole search is as quick
FEW = 64  # new pictures up to which their hashes are compared with all others one by one


class Kept(Protocol):
    """Where it lies between two scans (features.Store)."""

    def get_last(self, what: str, folder: str) -> bytes | None: ...
    def put_last(self, what: str, folder: str, value: bytes) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A comparison of N pictures, no two with the same bytes."""

    digests: NDArray[np.bytes_]  # [N] SHA-256, hex
    prints: NDArray[np.uint32]  # [N] of the embeddings: CRC-32
    hashes: Hashes  # [N, 8]
    floors: NDArray[np.float64]  # [2] as in Present
    similarity: Vectors  # [N, K] of the neighbours
    rows: Rows  # [N, K] the nearest others, -1 where there are fewer above the floor
    recall: NDArray[np.float64]  # [] share of them that was found
    hashed: Rows  # [H, 2] pairs with near hashes
    refuted: Rows  # [M, 2] proposed pairs that are no copies
    method: NDArray[np.str_]  # [] by which they were refuted

    @property
    def neighbours(self) -> Neighbours:
        """The nearest others of each row, as `propose.nearest` gives them."""
        return Neighbours(similarity=self.similarity, rows=self.rows, recall=float(self.recall)).first(propose.ALIKE)


def read(value: bytes | None) -> Compared | None:
    """What was kept; None for what is damaged (the archive keeps checksums) or not there."""
    if value is None:
        return None
    with (
        suppress(zipfile.BadZipFile, ValueError, KeyError, OSError, EOFError),
        np.load(io.BytesIO(value), allow_pickle=False) as parts,
    ):
        found = Compared(**{field.name: parts[field.name] for field in fields(Compared)})
        n = len(found.digests)
        lengths = {len(found.prints), len(found.hashes), len(found.similarity), len(found.rows)}
        inside = [part.size == 0 or (part.min() >= -1 and part.max() < n) for part in (found.rows, found.hashed)]
        if lengths == {n} and all(inside) and found.rows.shape == found.similarity.shape:
            return found
    return None


def write(found: Compared) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{field.name: getattr(found, field.name) for field in fields(Compared)})
    return file.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The pictures that are compared now."""

    digests: NDArray[np.bytes_]  # [N], no two equal
    embeddings: Vectors | Selected  # [N, D], rows of length 1
    hashes: Hashes  # [N, 8]
    floors: tuple[float, float]  # cosines from which a pair may be copies, and from which it is much alike
    method: str  # by which pairs are proved

    def prints(self) -> NDArray[np.uint32]:
        """A checksum of each embedding: another model's are not taken for these."""
        starts = range(0, len(self.embeddings), propose.PAIRS)
        blocks = (np.ascontiguousarray(self.embeddings[start : start + propose.PAIRS]) for start in starts)
        return np.fromiter((zlib.crc32(row) for block in blocks for row in block), np.uint32, len(self.embeddings))


class Carried:
    """What of an earlier comparison holds for the pictures that are there now."""

    def __init__(self, before: Compared | None, now: Present) -> None:
        self._now, self._prints = now, now.prints()
        self._before = before if before is not None and tuple(before.floors) == now.floors else None
        n = len(now.digests)
        self._from = np.full(n, -1, np.int64)  # row before, of each picture that is as it was
        self._to = np.zeros(0, np.int64)
        if self._before is None:
            return
        order = np.argsort(self._before.digests)
        place = np.minimum(np.searchsorted(self._before.digests, now.digests, sorter=order), len(order) - 1)
        then = order[place]
        same = (self._before.digests[then] == now.digests) & (self._before.prints[then] == self._prints)
        same &= (self._before.hashes[then] == now.hashes).all(axis=1)
        self._from[same] = then[same]
        self._to = np.full(len(order), -1, np.int64)
        self._to[then[same]] = np.flatnonzero(same)

    @property
    def is_unchanged(self) -> bool:
        """Whether the same pictures are there, no more and no fewer."""
        return bool(len(self._to) == len(self._from) and (self._from >= 0).all())

    def neighbours(self) -> Neighbours:
        """The nearest others of each row, with some to spare; see `propose.candidates`."""
        now, before = self._now, self._before
        wanted = min(propose.ALIKE + propose.SPARE, len(now.digests) - 1)
        if before is None or before.rows.shape[1] != wanted:
            return propose.candidates(now.embeddings, propose.ALIKE, min(now.floors))
        there = self._from >= 0
        rows, similarity = before.rows[self._from], before.similarity[self._from]
        moved = np.where(rows < 0, -1, self._to[rows])
        lost = ((rows >= 0) & (moved < 0)).any(axis=1)
        searched = np.flatnonzero(~there | lost)
        if len(searched) > NEW * len(there):
            return propose.candidates(now.embeddings, propose.ALIKE, min(now.floors))
        found = Neighbours(similarity=similarity, rows=moved, recall=float(before.recall))
        return propose.extended(now.embeddings, found, searched, np.flatnonzero(~there), min(now.floors))

    def hashed(self) -> Rows:
        """Pairs with near hashes [H, 2], as `features.near_pairs` gives them for the pictures in order of digest."""
        from curate.features import hashes

        come = np.flatnonzero(self._from < 0)
        if self._before is not None and len(come) <= FEW:
            pairs = np.concatenate([self._mapped(self._before.hashed), hashes.near_some(self._now.hashes, come)])
            pairs = np.unique(np.sort(pairs, axis=1), axis=0)
            if np.bincount(pairs.ravel(), minlength=1).max() < hashes.MOST:  # nor was any dropped before: see there
                return pairs
        ordered = np.argsort(self._now.digests)  # a crowd is cut by content
        found = [(i, j) for i, j, *_ in hashes.near_pairs(self._now.hashes[ordered])]
        return ordered[np.array(found, np.int64).reshape(-1, 2)]

    def refuted(self) -> Rows:
        """Pairs [M, 2] that are known to be no copies, the lesser row first."""
        if self._before is None or str(self._before.method) != self._now.method:
            return np.zeros((0, 2), np.int64)
        return np.sort(self._mapped(self._before.refuted), axis=1)

    def renewed(self, near: Neighbours, hashed: Rows, refuted: Rows) -> Compared:
        """What there is to keep of the pictures that are there now."""
        return Compared(
            digests=self._now.digests,
            prints=self._prints,
            hashes=self._now.hashes,
            floors=np.array(self._now.floors),
            similarity=near.similarity,
            rows=near.rows,
            recall=np.array(near.recall),
            hashed=hashed,
            refuted=refuted,
            method=np.array(self._now.method),
        )

    def _mapped(self, pairs: Rows) -> Rows:
        moved: Rows = self._to[pairs].reshape(-1, 2)
        return moved[(moved >= 0).all(axis=1)]


def without(pairs: Rows, others: Rows, n: int) -> Rows:
    """The pairs that are not among the others; both [*, 2] with the lesser of n rows first."""
    left: Rows = pairs[~np.isin(pairs[:, 0] * n + pairs[:, 1], others[:, 0] * n + others[:, 1])]
    return left


def hex_digests(digests: Sequence[str]) -> NDArray[np.bytes_]:
    return np.array([digest.encode("ascii", "replace") for digest in digests], dtype=np.bytes_)
