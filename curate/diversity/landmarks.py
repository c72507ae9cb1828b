"""Effective images of a set too large for one kernel, by the few rows that carry its diversity.

The optimum only needs the rows that carry weight. Start with a few rows, solve, drop those without weight, and add rows
that the solution does not cover (Kw < 1), until all are covered: then it is the optimum of the whole set, within 1 %.
Each round's optimum is greater than the one before, so no row comes and goes for ever. When more rows carry weight than
one kernel holds, what was found is the optimum of a part, hence a lower bound; another is the diversity of all rows in
equal shares, and the greater of the two is told.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from curate.diversity.kernels import RANGE, TYPICAL, Count, Units, blocks, kernel, median_of_pairs, spread
from curate.diversity.maximum import maximum_diversity
from curate.features import one_core_a_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Quick = NDArray[np.float32]
    Vectors = NDArray[np.floating] | Units  # [N, D]
    QuickVectors = Quick | Units

DENSE = 6144  # rows of one kernel: 288 MiB in float64
LANDMARKS = 512  # rows to begin with, and rows that are added a round at least
FULL = 16  # part of a kernel that no row carries weight in, at which no more rows are tried
POOL = 20_000  # rows, spread over the set, that are looked at until all of them are covered
ROUNDS = 16  # of adding rows; to fill one kernel takes five
COVERED = 0.995  # least Kw of a row that needs no weight of its own: the value is then within 1 % of the maximum, since
# no mixture has more than value / (2 min(Kw) - 1)
ALIKE = 0.7  # kernel value from which two uncovered rows do not join in one round: the first may cover the second
HELD_BYTES = 256 * 2**20  # of cosines kept from one round and scale for the next: 6,700 rows of a set of 10,000
STRIP_BYTES = 2**20  # of these, worked on at once: they fit a core's second cache
THREADS = 4  # at most, each of which multiplies blocks of its own
DRAWS = 2000  # rows drawn from a mixture to estimate its diversity: each is compared with all rows, so that clusters of
# any size weigh as they do; 2 % standard error where what surrounds a row varies as much as its mean


def count(vectors: Vectors, p: Floats, u: float) -> Count:
    """The same as by one kernel. `vectors` [N, D] of length 1, `p` [N] sums to 1."""
    quick = vectors if isinstance(vectors, Units) else vectors.astype(np.float32, copy=False)
    scales = (u, u * RANGE, u / RANGE)
    # numpy's loops run beside each other, and BLAS threads in each of them would wait for each other
    with one_core_a_thread(), ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        rows = _Cosines(quick, pool)
        found = [_maximum(vectors, rows, scale) for scale in scales]
        value, weights, whole = found[0]
        bounds = [one for one, _, _ in found]
        if not all(known for _, _, known in found):
            equal = np.full(len(vectors), 1.0 / len(vectors))
            flat = [
                0.0 if known else one for one, (_, _, known) in zip(_mixed(rows, equal, scales), found, strict=True)
            ]
            bounds = [max(pair) for pair in zip(bounds, flat, strict=True)]
            if flat[0] > value:
                weights = equal * flat[0]
        some = vectors[spread(len(vectors), TYPICAL)]
        return Count(
            value=bounds[0],
            weights=weights,
            low=bounds[1],
            high=bounds[2],
            mixed=_mixed(rows, p, (u,))[0],
            typical=median_of_pairs(some @ some.T),
            whole=whole,
        )


class _Cosines:
    """Sums over the kernel values of some rows with many others, several blocks of these at once.

    In sets of up to POOL rows the cosines with all others are held: most rows that carry weight do so in the next
    round and at the next scale too.
    """

    def __init__(self, vectors: QuickVectors, pool: Executor) -> None:
        self.vectors, self._pool = vectors, pool
        n = len(vectors)
        self._held: Quick = np.empty((HELD_BYTES // (4 * n) if n <= POOL else 0, n), np.float32)
        self._place = np.full(n, -1, np.intp)  # of each row among those held
        self._count = 0

    def kernel_sums(self, rows: Rows, weights: Quick, looked: Rows, scales: Sequence[float]) -> Quick:
        """Of each row looked at, at each scale: the sum of its kernel values with `rows`, times their weights."""
        whole = len(looked) == len(self.vectors)
        held = whole and self._hold(rows)
        vectors, place = self.vectors[rows[: 0 if held else None]], self._place[rows]

        def sums(part: slice) -> list[Quick]:
            others = part if whole else looked[part]
            similarity = self._held[place, part] if held else vectors @ self.vectors[others].T
            return [weights @ _quick_kernel(similarity, scale) for scale in scales]

        parts = blocks(len(looked), len(rows), STRIP_BYTES if held else 0)
        return np.concatenate([np.zeros((len(scales), 0), np.float32), *self._pool.map(sums, parts)], axis=1)

    def _hold(self, rows: Rows) -> bool:
        """Whether the cosines of these rows are held now."""
        new = rows[self._place[rows] < 0]
        first, last = self._count, self._count + len(new)
        if last > len(self._held):
            return False
        every = self.vectors[:]

        def multiply(at: int) -> None:
            some = slice(at, at + LANDMARKS // 2)
            np.matmul(every[new[some]], every.T, out=self._held[first:last][some])

        list(self._pool.map(multiply, range(0, len(new), LANDMARKS // 2)))
        self._place[new] = np.arange(first, last)
        self._count = last
        return True


def _maximum(vectors: Vectors, cosines: _Cosines, u: float) -> tuple[float, Floats, bool]:
    """(maximum diversity, weight of each row, whether that is the whole of it rather than a lower bound)."""
    n, quick = len(vectors), cosines.vectors
    pool = spread(n, POOL)
    chosen = np.sort(_apart(quick, pool, LANDMARKS, u))
    start, value, own, solved = None, 0.0, np.zeros(0), chosen
    whole = False
    for _ in range(ROUNDS):
        solved = chosen
        value, own = maximum_diversity(_dense(vectors[chosen], u), start)
        missed = _missed(cosines, pool, chosen, own, u)
        if len(missed) == 0 and len(pool) < n:
            missed = _missed(cosines, np.arange(n), chosen, own, u)
            pool = np.union1d(pool, missed[:POOL])
        held = chosen[own > 0]
        room = DENSE - len(held)
        whole = len(missed) == 0
        if whole or room <= DENSE // FULL:
            break
        joining = _apart(quick, missed, min(max(LANDMARKS, len(chosen)), room), u)
        chosen = np.union1d(held, joining)
        start = np.ones(len(chosen), dtype=bool)
    weights = np.zeros(n)
    weights[solved] = own  # not `chosen`: after the last round rows have joined that were never solved for
    return value, weights, whole


def _dense(vectors: NDArray[np.floating], u: float) -> Floats:
    exact = vectors.astype(np.float64)  # rounding of cosines to float32 would make K indefinite
    cosines = exact @ exact.T
    K = kernel(cosines, u, out=cosines)  # in its place: of DENSE rows either takes 288 MiB
    np.fill_diagonal(K, 1.0)
    return K


def _quick_kernel(similarities: Quick, u: float) -> Quick:
    """The kernel in float32: for sums over many rows, of which three digits are needed."""
    values: Quick = np.exp2(np.minimum((similarities - np.float32(1.0)) * np.float32(1.0 / u), np.float32(0.0)))
    return values


def _missed(cosines: _Cosines, looked: Rows, chosen: Rows, own: Floats, u: float) -> Rows:
    """The rows looked at that the weights `own` of the chosen rows do not cover, the least covered first."""
    bearing = own > 0
    cover = cosines.kernel_sums(chosen[bearing], own[bearing].astype(np.float32), looked, (u,))[0]
    missed = np.flatnonzero((cover < COVERED) & ~np.isin(looked, chosen))
    rows: Rows = looked[missed[np.argsort(cover[missed], kind="stable")]]
    return rows


def _apart(vectors: QuickVectors, rows: Rows, most: int, u: float) -> Rows:
    """The first `most` of the rows of which none is much alike to one before it; at least the first."""
    near = 1.0 + u * float(np.log2(ALIKE))
    kept = rows[:0]
    for first in range(0, len(rows), LANDMARKS):
        block = vectors[rows[first : first + LANDMARKS]]
        far = np.asarray((block @ vectors[kept].T).max(axis=1, initial=-1.0) <= near)
        inside = block @ block.T > near
        for row in np.flatnonzero(far):
            if far[row]:
                far[row + 1 :] &= ~inside[row, row + 1 :]
        kept = np.concatenate([kept, rows[first + np.flatnonzero(far)]])
        if len(kept) >= most:
            break
    return kept[:most]


def _mixed(cosines: _Cosines, p: Floats, scales: Sequence[float]) -> list[float]:
    """1/(p'Kp) at each scale: the mean of Kp over rows drawn evenly from the shares p."""
    at = np.searchsorted(np.cumsum(p), (np.arange(DRAWS) + 0.5) / DRAWS)
    rows, times = np.unique(np.minimum(at, len(p) - 1), return_counts=True)
    sums = cosines.kernel_sums(rows, (times / DRAWS).astype(np.float32), np.arange(len(p)), scales)
    return [min(max(1.0 / float(one), 1.0), float(len(p))) for one in sums.astype(np.float64) @ p]
