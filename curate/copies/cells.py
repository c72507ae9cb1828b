"""Nearest neighbours in a large set: an inverted file (Jegou, Douze and Schmid 2011, PAMI 33:117) by whole cells.

The pictures are parted into cells round centroids, and each is compared with those in the cells nearest to it. One cell
is taken at a time, with all the pictures that ask in it: a product of two small matrices, which stay in the processor's
caches. Taken picture by picture the same comparisons would wait for memory.

How many cells are looked at is not a guess: some pictures are compared with all others, and as many cells are looked at
as it takes to find what these found.

FAISS's own inverted file goes picture by picture: for 100,000 vectors of 512 numbers it took six times the time of this
(63 and 10 core-seconds), and for a million it had not ended after 23 minutes. Smaller sets are FAISS's (propose.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from curate.features.cores import one_core_a_thread
from curate.features.vectors import Selected

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Rows = NDArray[np.int64]
    Matrix = Vectors | Selected
    Task = tuple[Rows, Rows]  # rows that ask, and rows that each of them is compared with

CELLS = 4.0  # times the root of the number of pictures, as FAISS advises: of half as many some are crowded with scenes
# that have no cell of their own, and all others look at these
TRAINING = 40  # pictures a cell from which the cells are made: FAISS asks for at least 39
ITERATIONS = 6  # of k-means: ten gave no evener cells, and recall decides how many of them are looked at
SETTLING = 2  # of these at the end in which no centroid moves into another cell
SPARSE, FULL = 0.3, 2.0  # times the mean size: cells with less than the one give their centroids to cells with more
# than the other, since the time follows sizes times askers. Of 200,000 vectors of 1,000 scenes in 1,250 cells that
# product's mean was 1.9 times the square of the mean size when each full cell got one more, and is .8
PROBES = 4  # cells looked at, at least: a sample with few neighbours says little
SAMPLE = 2_000  # pictures compared with all others, to tell how many cells must be looked at
RECALL = 0.995  # share of the sample's neighbours that must be found; .99 is what is promised of all
OTHERS = 2_048  # pictures that others are compared with at once: 4 MiB of vectors of 512 numbers
PRODUCT = 2**20  # cosines counted at once: 4 MiB, twice a core's second cache
SUMMED = 4_096  # vectors added up at once, and the rest of a cell: 20 MiB of 1,280 numbers each
MET = 2**21  # pairs that may be found before they are gathered: 40 MiB, and four times that on the way
THREADS = 4  # at most


def nearest(vectors: Matrix, k: int, floor: float) -> tuple[Rows, float]:
    """The rows [N, k] of the nearest others with cosines not below the floor, the nearest first, -1 where there are
    fewer; and the share of them that was found, as a sample shows it.

    `vectors` float32 [N, D] of length 1; none of them is copied but for a moment.
    """
    n = len(vectors)
    sample = np.unique(np.linspace(0, n - 1, SAMPLE).astype(np.int64))
    wanted = exactly(vectors, sample, k, floor)
    with _threads() as pool:
        centroids = _centroids(vectors, int(CELLS * np.sqrt(n)), pool)
        cells = _nearest_cells(vectors, centroids, _probes(vectors, centroids, sample, wanted, pool), pool)
        found = _Nearest(vectors, k, floor)
        found.compare(_met(cells, len(centroids)), pool)
    return found.rows, _recall(wanted, found.rows[sample])


def exactly(vectors: Matrix, rows: Rows, k: int, floor: float) -> Rows:
    """The same [M, k] of some rows, by comparing these with all."""
    found = _Nearest(vectors, k, floor)
    with _threads() as pool:
        parts = _parts(np.arange(len(vectors)), OTHERS)
        found.compare(((some, others) for others in parts for some in _parts(rows, PRODUCT // OTHERS)), pool)
    return found.rows[rows]


@contextmanager
def _threads() -> Iterator[Executor]:
    """Threads that multiply beside each other, each on a core of its own."""
    with one_core_a_thread(), ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        yield pool


class _Nearest:
    """The nearest others of each row that were met so far."""

    def __init__(self, vectors: Matrix, k: int, floor: float) -> None:
        self._vectors, self._k, self._floor = vectors, k, np.float32(floor)
        self.rows = np.full((len(vectors), k), -1, np.int64)
        self._similarity = np.full((len(vectors), k), -np.inf, np.float32)
        self._least = np.full(len(vectors), floor, np.float32)  # cosine of what still counts

    def compare(self, tasks: Iterable[Task], pool: Executor) -> None:
        """Compares all with all of each task. What is found does not depend on which thread ends first."""
        for some in self._portions(tasks):
            parts = list(pool.map(self._met, some))
            self._take(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _portions(self, tasks: Iterable[Task]) -> Iterator[list[Task]]:
        """Tasks that together find no more than about MET pairs."""
        some: list[Task] = []
        pairs = 0
        for task in tasks:
            some.append(task)
            pairs += len(task[0]) * min(self._k + 1, len(task[1]))
            if pairs >= MET:
                yield some
                some, pairs = [], 0
        if some:
            yield some

    def _met(self, task: Task) -> tuple[Rows, Rows, Vectors]:
        """Pairs that may count, with their cosines.

        Of each row they are at most one more than are wanted, and of equals the first.
        """
        asked, others = task
        cosines = self._vectors[asked] @ self._vectors[others].T
        near = cosines >= self._least[asked][:, None]
        if np.count_nonzero(near) > len(asked) * (self._k + 1):
            some = np.argsort(-cosines, axis=1, kind="stable")[:, : self._k + 1]
            nearest = np.zeros_like(near)
            np.put_along_axis(nearest, some, True, axis=1)
            near &= nearest
        at, to = np.nonzero(near)
        one, other = asked[at], others[to]
        real = one != other
        return one[real], other[real], cosines[at, to][real]

    def _take(self, one: Rows, other: Rows, similarity: Vectors) -> None:
        """Keeps what is nearer than what is held; of equally near ones those that come first."""
        touched = np.unique(one)
        at, rank = np.nonzero(self.rows[touched] >= 0)
        held = touched[at]
        one = np.concatenate([one, held])
        other = np.concatenate([other, self.rows[held, rank]])
        similarity = np.concatenate([similarity, self._similarity[held, rank]])
        order = np.lexsort((other, -similarity, one))
        starts = np.flatnonzero(np.diff(one[order], prepend=-1))
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
        order, rank = order[rank < self._k], rank[rank < self._k]
        self.rows[one[order], rank] = other[order]
        self._similarity[one[order], rank] = similarity[order]
        self._least[touched] = np.maximum(self._similarity[touched, -1], self._floor)


def _centroids(vectors: Matrix, count: int, pool: Executor) -> Vectors:
    """So many directions that part the vectors, by k-means on the sphere (Dhillon and Modha 2001, Machine Learning
    42:143) of some of them."""
    random = np.random.default_rng(1)
    some = Selected(vectors, np.arange(0, len(vectors), max(1, len(vectors) // (TRAINING * count))))
    centroids = some[np.linspace(0, len(some) - 1, count).astype(np.int64)]
    for left in reversed(range(ITERATIONS)):
        home = _nearest_cells(some, centroids, 1, pool)[:, 0]
        order, sizes = np.argsort(home, kind="stable"), np.bincount(home, minlength=count)
        held, first = np.flatnonzero(sizes), np.cumsum(sizes) - sizes
        centroids[held] = _sums(some, order, first[held])
        if left >= SETTLING:
            sparse, full = _uneven(sizes)
            centroids[sparse] = some[order[first[full] + random.integers(sizes[full])]]
        lengths = np.linalg.norm(centroids, axis=1, keepdims=True)
        centroids /= np.maximum(lengths, np.finfo(np.float32).tiny)
    return centroids


def _sums(vectors: Matrix, order: Rows, first: Rows) -> Vectors:
    """The sums [C, D] of the vectors in each cell, taken in this order, from the first of each cell on. Some cells are
    added up at a time: all of them hold as much as a large set."""
    parts = np.split(first, np.flatnonzero(np.diff(first // SUMMED)) + 1)
    ends = [*(part[0] for part in parts[1:]), len(order)]
    return np.concatenate(
        [
            np.add.reduceat(vectors[order[part[0] : end]], part - part[0], axis=0)
            for part, end in zip(parts, ends, strict=True)
        ]
    )


def _uneven(sizes: Rows) -> tuple[Rows, Rows]:
    """Cells that are to give up their centroids, the emptiest first, and as many that are each to have one more, the
    fullest first and as often as they are larger than others."""
    order, mean = np.argsort(sizes, kind="stable"), sizes.mean()
    sparse = order[: int((sizes < SPARSE * mean).sum())]
    full = order[len(order) - int((sizes > FULL * mean).sum()) :][::-1]
    more = np.repeat(full, (sizes[full] / mean).astype(np.int64))
    count = min(len(sparse), len(more))
    return sparse[:count], more[:count]


def _nearest_cells(vectors: Matrix, centroids: Vectors, count: int, pool: Executor) -> NDArray[np.int32]:
    """The cells [N, count] whose centroids are nearest to each vector, the nearest first."""
    found = np.empty((len(vectors), count), np.int32)

    def look(start: int) -> None:
        block = slice(start, start + step)
        cosines = vectors[block] @ centroids.T
        each = np.arange(len(cosines))
        for rank in range(count):
            best = cosines.argmax(axis=1)
            found[block, rank] = best
            cosines[each, best] = -np.inf

    step = max(1, PRODUCT // len(centroids))
    list(pool.map(look, range(0, len(vectors), step)))
    return found


def _probes(vectors: Matrix, centroids: Vectors, sample: Rows, wanted: Rows, pool: Executor) -> int:
    """How many of the nearest cells of the sample's rows hold enough of the neighbours [S, k] that are wanted."""
    at, rank = np.nonzero(wanted >= 0)
    if not len(at):
        return min(PROBES, len(centroids))
    others, which = np.unique(wanted[at, rank], return_inverse=True)
    home = _nearest_cells(vectors[others], centroids, 1, pool)[which, 0]
    order = np.argsort(-(vectors[sample] @ centroids.T), axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(len(centroids))[None, :], axis=1)
    needed = np.sort(place[at, home]) + 1
    enough = int(needed[int(np.ceil(RECALL * len(needed))) - 1])
    return min(max(PROBES, enough), len(centroids))


def _met(cells: NDArray[np.int32], count: int) -> Iterator[Task]:
    """Each cell's rows with those that ask in it. `cells` [N, probes] of each row, its own first; `count` of all."""
    asking = np.argsort(cells.ravel(), kind="stable") // cells.shape[1]
    living = np.argsort(cells[:, 0], kind="stable")
    asked_ends = np.cumsum(np.bincount(cells.ravel(), minlength=count))
    ends = np.cumsum(np.bincount(cells[:, 0], minlength=count))
    for asked, own in zip(np.split(asking, asked_ends[:-1]), np.split(living, ends[:-1]), strict=True):
        for others in _parts(own, OTHERS):
            yield from ((some, others) for some in _parts(asked, max(1, PRODUCT // len(others))))


def _parts(rows: Rows, size: int) -> Iterator[Rows]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _recall(wanted: Rows, found: Rows) -> float:
    """Share of the wanted neighbours that were found; 1 where none are wanted."""
    right = sum(len(np.intersect1d(one[one >= 0], other)) for one, other in zip(wanted, found, strict=True))
    every = int((wanted >= 0).sum())
    return right / every if every else 1.0
