"""Effective images of a set too large for one kernel, by the few rows that carry its diversity.

The optimum only needs the rows that carry weight. Start with a few rows, solve, and add rows that the solution does
not cover (Kw < 1), until all are covered: then it is the optimum of the whole set, within 1 %. When that takes more
rows than one kernel holds, what was found is the optimum of a part, hence a lower bound; another is the diversity of
all rows in equal shares, and the greater of the two is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from curate.diversity.kernels import RANGE, TYPICAL, Count, blocks, kernel, median_of_pairs, spread
from curate.diversity.maximum import maximum_diversity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Vectors = NDArray[np.floating]
    Quick = NDArray[np.float32]

DENSE = 6144  # rows of one kernel: 288 MiB in float64, the cosines behind it as much again
LANDMARKS = 512  # rows to begin with, and rows that are added a round at least
POOL = 20_000  # rows, spread over the set, that are looked at until all of them are covered
ROUNDS = 16  # of adding rows; to fill one kernel takes five
COVERED = 0.995  # least Kw of a row that needs no weight of its own: the value is then within 1 % of the maximum, since
# no mixture has more than value / (2 min(Kw) - 1)
ALIKE = 0.7  # kernel value from which two uncovered rows do not join in one round: the first may cover the second
DRAWS = 2000  # rows drawn from a mixture to estimate its diversity: each is compared with all rows, so that clusters of
# any size weigh as they do; 2 % standard error where what surrounds a row varies as much as its mean


def count(vectors: Vectors, p: Floats, u: float) -> Count:
    """The same as by one kernel. `vectors` [N, D] of length 1, `p` [N] sums to 1."""
    quick = vectors.astype(np.float32, copy=False)
    scales = (u, u * RANGE, u / RANGE)
    found = [_maximum(vectors, quick, scale) for scale in scales]
    value, weights, whole = found[0]
    bounds = [one for one, _, _ in found]
    if not all(known for _, _, known in found):
        equal = np.full(len(vectors), 1.0 / len(vectors))
        flat = [0.0 if known else one for one, (_, _, known) in zip(_mixed(quick, equal, scales), found, strict=True)]
        bounds = [max(pair) for pair in zip(bounds, flat, strict=True)]
        if flat[0] > value:
            weights = equal * flat[0]
    some = vectors[spread(len(vectors), TYPICAL)]
    return Count(
        value=bounds[0],
        weights=weights,
        low=bounds[1],
        high=bounds[2],
        mixed=_mixed(quick, p, (u,))[0],
        typical=median_of_pairs(some @ some.T),
        whole=whole,
    )


def _maximum(vectors: Vectors, quick: Quick, u: float) -> tuple[float, Floats, bool]:
    """(maximum diversity, weight of each row, whether that is the whole of it rather than a lower bound)."""
    n = len(vectors)
    pool = spread(n, POOL)
    chosen = np.sort(pool[_apart(quick[pool], LANDMARKS, u)])
    start, value, own = None, 0.0, np.zeros(0)
    whole = False
    for _ in range(ROUNDS):
        value, own = maximum_diversity(_dense(vectors[chosen], u), start)
        missed = _missed(quick, pool, chosen, own, u)
        if len(missed) == 0 and len(pool) < n:
            missed = _missed(quick, np.arange(n), chosen, own, u)
            pool = np.union1d(pool, missed[:POOL])
        room = DENSE - len(chosen)
        whole = len(missed) == 0
        if whole or room <= 0:
            break
        most = min(max(LANDMARKS, len(chosen)), room)
        joining = missed[_apart(quick[missed], most, u)]
        held = chosen[own > 0]
        chosen = np.union1d(chosen, joining)
        start = np.isin(chosen, held) | np.isin(chosen, joining)
    weights = np.zeros(n)
    weights[chosen] = own
    return value, weights, whole


def _dense(vectors: Vectors, u: float) -> Floats:
    exact = vectors.astype(np.float64)  # rounding of cosines to float32 would make K indefinite
    K = kernel(exact @ exact.T, u)
    np.fill_diagonal(K, 1.0)
    return K


def _quick_kernel(similarities: Quick, u: float) -> Quick:
    """The kernel in float32: for sums over many rows, of which three digits are needed."""
    values: Quick = np.exp2(np.minimum((similarities - np.float32(1.0)) * np.float32(1.0 / u), np.float32(0.0)))
    return values


def _missed(vectors: Quick, looked: Rows, chosen: Rows, own: Floats, u: float) -> Rows:
    """The rows looked at that the weights `own` of the chosen rows do not cover, the least covered first."""
    bearing = own > 0
    held, weights = vectors[chosen[bearing]], own[bearing].astype(np.float32)
    cover = np.empty(len(looked))
    for block in blocks(len(looked), len(held)):
        cover[block] = _quick_kernel(vectors[looked[block]] @ held.T, u) @ weights
    missed = np.flatnonzero((cover < COVERED) & ~np.isin(looked, chosen))
    rows: Rows = looked[missed[np.argsort(cover[missed], kind="stable")]]
    return rows


def _apart(vectors: Quick, most: int, u: float) -> Rows:
    """The first `most` rows of which none is much alike to one before it; at least the first."""
    near = 1.0 + u * float(np.log2(ALIKE))
    kept = np.zeros(0, dtype=np.intp)
    for first in range(0, len(vectors), LANDMARKS):
        block = vectors[first : first + LANDMARKS]
        far = np.asarray((block @ vectors[kept].T).max(axis=1, initial=-1.0) <= near)
        inside = block @ block.T > near
        for row in np.flatnonzero(far):
            if far[row]:
                far[row + 1 :] &= ~inside[row, row + 1 :]
        kept = np.concatenate([kept, first + np.flatnonzero(far)])
        if len(kept) >= most:
            break
    return kept[:most]


def _mixed(vectors: Quick, p: Floats, scales: Sequence[float]) -> list[float]:
    """1/(p'Kp) at each scale: the mean of Kp over rows drawn evenly from the shares p."""
    at = np.searchsorted(np.cumsum(p), (np.arange(DRAWS) + 0.5) / DRAWS)
    rows, times = np.unique(np.minimum(at, len(p) - 1), return_counts=True)
    drawn, shares, concentration = vectors[rows], p.astype(np.float32), np.zeros(len(scales))
    for block in blocks(len(vectors), len(rows)):
        similarity = drawn @ vectors[block].T
        concentration += [float(times @ (_quick_kernel(similarity, scale) @ shares[block])) / DRAWS for scale in scales]
    return [min(max(1.0 / float(one), 1.0), float(len(p))) for one in concentration]
