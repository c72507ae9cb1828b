"""Nearest neighbours in a large set, cell by cell of a coarse clustering: see propose.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Rows = NDArray[np.int64]

CELLS = 2.0  # times the root of the number of pictures: finding the cells then takes as long as searching them
TRAINING = 40  # pictures a cell from which the cells are made, as FAISS takes at least
TURNS = 6  # of k-means; more hardly move cells of this size
SAMPLE = 2_000  # pictures compared with all others, to tell how many cells must be looked at
RECALL = 0.995  # share of the sample's neighbours that lie in the cells looked at; .99 is what is promised of all
PROBES = 8  # cells looked at, at least: a sample with few neighbours says little
BLOCK = 1 << 21  # cosines held at once: 8 MiB
ACROSS = 1 << 12  # rows compared with others at once, where all are compared
ASKED = 1 << 24  # cells that pictures ask for, noted at once: 192 MiB


def compare_all(vectors: Vectors, k: int, floor: float) -> tuple[NDArray[np.float32], Rows, float]:
    """What `Cells.nearest` gives, from comparing every row with every other."""
    n, found = len(vectors), _Best(len(vectors), k, floor)
    rows = np.arange(n)
    for one in slices(n, ACROSS):
        for other in slices(n, one.stop - one.start):
            found.take(rows[one], rows[one], vectors[one] @ vectors[other].T, rows[other])
    return (*found.result(), 1.0)


class Cells:
    """The vectors [N, D], each in the cell whose centre is nearest to it."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.number = int(CELLS * np.sqrt(len(vectors)))
        self._centres = _centres(vectors, self.number)
        self._asked = self._nearest(vectors, PROBES)  # [N, PROBES], nearest first
        self._members, self._starts = _by_cell(self._asked[:, 0], self.number)

    def nearest(self, k: int, floor: float) -> tuple[NDArray[np.float32], Rows, float]:
        """Cosines and rows [N, k] of the k nearest others not below the floor, unsorted, -1 where there are fewer; and
        the share of them that was found, as a sample shows it."""
        probes, recall = self._needed(k, floor)
        found = _Best(len(self.vectors), k, floor)
        for first in range(0, len(self.vectors), max(1, ASKED // probes)):
            self._search(slice(first, first + max(1, ASKED // probes)), probes, found)
        return (*found.result(), recall)

    def _search(self, part: slice, probes: int, found: _Best) -> None:
        """Compares the rows of a part with those in the cells next to them."""
        rows = np.arange(*part.indices(len(self.vectors)))
        cells = self._asked[part] if probes <= PROBES else self._nearest(self.vectors[part], probes)
        order, starts = _by_cell(cells.ravel(), self.number)
        for cell in range(self.number):
            inside = self._members[self._starts[cell] : self._starts[cell + 1]]
            asking = rows[order[starts[cell] : starts[cell + 1]] // probes]
            held = self.vectors[inside]
            for block in slices(len(asking), len(inside)):
                some = asking[block]
                found.take(some, some, self.vectors[some] @ held.T, inside)

    def _needed(self, k: int, floor: float) -> tuple[int, float]:
        """How many cells to look at, and the share of the sample's true neighbours that lie in these."""
        n = len(self.vectors)
        sample = np.unique(np.linspace(0, n - 1, SAMPLE).astype(np.int64))
        vectors, exact = self.vectors[sample], _Best(len(sample), k, floor)
        for block in slices(n, len(sample)):
            inside = np.arange(block.start, block.stop)
            exact.take(np.arange(len(sample)), sample, vectors @ self.vectors[block].T, inside)
        queries, ranks = np.nonzero(exact.rows >= 0)
        if len(queries) == 0:
            return min(PROBES, self.number), 1.0
        order = self._nearest(vectors, self.number)
        place = np.empty_like(order)
        np.put_along_axis(place, order, np.arange(self.number, dtype=order.dtype)[None, :], axis=1)
        needed = np.sort(place[queries, self._asked[exact.rows[queries, ranks], 0]]) + 1
        probes = min(max(PROBES, int(needed[int(np.ceil(RECALL * len(needed))) - 1])), self.number)
        return probes, float((needed <= probes).mean())

    def _nearest(self, vectors: Vectors, most: int) -> NDArray[np.int32]:
        """The nearest cells of each vector, the nearest first."""
        most = min(most, self.number)
        cells = np.empty((len(vectors), most), np.int32)
        for block in slices(len(vectors), self.number):
            away = -(vectors[block] @ self._centres.T)
            some = np.argpartition(away, most - 1, axis=1)[:, :most]
            order = np.argsort(np.take_along_axis(away, some, 1), axis=1, kind="stable")
            cells[block] = np.take_along_axis(some, order, 1)
        return cells


def _centres(vectors: Vectors, number: int) -> Vectors:
    """Centres [number, D] by spherical k-means (Dhillon and Modha 2001, Machine Learning 42:143) of some vectors."""
    some = vectors[np.unique(np.linspace(0, len(vectors) - 1, TRAINING * number).astype(np.int64))]
    centres = some[:: max(1, len(some) // number)][:number].copy()
    for _ in range(TURNS):
        cells = np.concatenate([(some[block] @ centres.T).argmax(axis=1) for block in slices(len(some), number)])
        order, starts = _by_cell(cells, number)
        filled = np.flatnonzero(np.diff(starts))
        sums = np.add.reduceat(some[order], starts[filled], axis=0)
        centres[filled] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return centres


class _Best:
    """The k best of what was compared so far, for each of so many rows."""

    def __init__(self, count: int, k: int, floor: float) -> None:
        self.similarity = np.full((count, k), -np.inf, np.float32)
        self.rows = np.full((count, k), -1, np.int32)
        self._limit = np.full(count, np.nextafter(np.float32(floor), np.float32(-2)), np.float32)  # to be passed
        self._k = k

    def take(self, at: Rows, asking: Rows, cosines: NDArray[np.float32], inside: Rows) -> None:
        """`cosines` [q, m] of the rows `asking`, whose best lie `at`, with the rows `inside` (sorted); a row
        with itself does not count."""
        place = np.minimum(np.searchsorted(inside, asking), max(len(inside) - 1, 0))
        same = np.flatnonzero(inside[place] == asking) if len(inside) else place[:0]
        cosines[same, place[same]] = -np.inf
        better = np.flatnonzero((cosines > self._limit[at][:, None]).any(axis=1)) if len(inside) else place[:0]
        if len(better) == 0:
            return
        at, cosines = at[better], cosines[better]
        cosines[cosines <= self._limit[at][:, None]] = -np.inf
        both = np.concatenate([self.similarity[at], cosines], axis=1)
        rows = np.concatenate([self.rows[at], np.broadcast_to(inside.astype(np.int32), cosines.shape)], axis=1)
        chosen = np.argpartition(-both, self._k - 1, axis=1)[:, : self._k]
        self.similarity[at] = kept = np.take_along_axis(both, chosen, axis=1)
        self.rows[at] = np.where(np.isneginf(kept), -1, np.take_along_axis(rows, chosen, axis=1))
        self._limit[at] = np.maximum(self._limit[at], kept.min(axis=1))

    def result(self) -> tuple[NDArray[np.float32], Rows]:
        self.similarity[self.rows < 0] = -1.0
        return self.similarity, self.rows.astype(np.int64)


def slices(rows: int, columns: int) -> Iterator[slice]:
    """Slices of rows with at most BLOCK values in so many columns."""
    step = max(1, BLOCK // max(columns, 1))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _by_cell(cells: NDArray[np.integer], number: int) -> tuple[Rows, Rows]:
    """The places sorted by their cell, and where each cell starts among them [number + 1]."""
    order = np.argsort(cells, kind="stable")
    return order, np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=number))])
