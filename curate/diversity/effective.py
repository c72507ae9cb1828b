"""Effective images: how many different pictures a set holds, and what each is worth.

Two pictures with cosine s between their embeddings have kernel value 2^(-(1-s)/u): 1 for copies, 1/2 at s = 1 - u, a
Gaussian on unit vectors and so positive semidefinite. u is the embedder's own scale (see scale.py). The number is the
maximum diversity of that kernel (see maximum.py): copies change nothing, a new picture never lowers it, it lies between
1 and the number of pictures, and it adds up over unrelated groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from curate.diversity import landmarks
from curate.diversity.kernels import RANGE, TYPICAL, Count, Units, blocks, kernel, median_of_pairs, spread, unit
from curate.diversity.maximum import maximum_diversity
from curate.records import Diversity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

__all__ = ["kernel", "measure", "sampled_diversity", "unit"]

CACHE_BYTES = 2**18  # of kernel values worked on at once: they and their cosines fit a core's second cache
DRAWS = 4000  # from which the diversity of a larger set's draws is estimated: within 1 % of the exact value
COPIED = landmarks.POOL  # photographs up to which a copy of the vectors is made, of unit length
JUDGED = 10  # pictures (45 pairs) from which on a median similarity says something about the model


def measure(embeddings: NDArray[np.float32], keeper_of_row: Rows, u: float, order: Rows | None = None) -> Diversity:
    """How many different pictures the set holds, with its range, and the weight of each row.

    `embeddings` float32 [N, D]. `keeper_of_row` int [N]: the row that stands for each row's photograph (itself, if it
    is no proved copy), -1 for rows that do not count, such as regularisation pictures. `order` int [N] is a permutation
    that does not depend on the order of files, such as by digest: equal sets then give equal bits; without it rows are
    ordered by their values. Without embeddings, [N, 0], each photograph counts as one and the result says that it was
    not measured. Raises ValueError if a keeper does not stand for itself.
    """
    keeper_of_row = np.asarray(keeper_of_row, dtype=np.intp)
    counted = keeper_of_row >= 0
    keepers = _keepers(keeper_of_row)
    weights = np.zeros(len(embeddings))
    if len(keepers) == 0:
        return Diversity(effective_images=0.0, low=0.0, high=0.0, files=0, photographs=0, evenness=1.0, weights=weights)
    if not embeddings.shape[1]:
        return _uncompared(keeper_of_row, keepers)
    keepers = _ordered(embeddings, keepers, order)
    copies = np.bincount(keeper_of_row[counted], minlength=len(embeddings))[keepers]
    shares = copies / copies.sum()
    if len(keepers) <= landmarks.DENSE:
        found = _count(unit(embeddings, keepers), shares, u)
    else:
        vectors = unit(embeddings, keepers) if len(keepers) <= COPIED else Units(embeddings, keepers)
        found = landmarks.count(vectors, shares, u)
    weights[keepers] = np.minimum(found.weights, 1.0)
    return Diversity(
        effective_images=found.value,
        low=min(found.low, found.value),
        high=max(found.high, found.value),
        files=int(counted.sum()),
        photographs=len(keepers),
        evenness=min(found.mixed / found.value, 1.0),
        weights=weights,
        kernel_limited=_is_kernel_limited(found, u),
        at_least=not found.whole,
    )


def sampled_diversity(
    embeddings: NDArray[np.float32],
    keeper_of_row: Rows,
    draw_weights: NDArray[np.floating],
    u: float,
    order: Rows | None = None,
) -> float:
    """Diversity 1/(p'Kp) of what a trainer sees that draws row i in proportion to `draw_weights[i]` (>= 0).

    Copies count as their keeper, rows with keeper -1 are left out; without embeddings, [N, 0], no two photographs are
    alike. 1 to the number of photographs; 0 if nothing is
    drawn. Exact up to 8,000 photographs drawn, an estimate from 4,000 of the draws beyond.
    """
    keeper_of_row = np.asarray(keeper_of_row, dtype=np.intp)
    draws = np.asarray(draw_weights, dtype=np.float64)
    if (draws < 0).any() or not np.isfinite(draws).all():
        raise ValueError("draw_weights: expected finite numbers >= 0")
    counted = keeper_of_row >= 0
    p = np.bincount(keeper_of_row[counted], weights=draws[counted], minlength=len(embeddings))
    drawn = np.flatnonzero(p)
    if len(drawn) == 0:
        return 0.0
    if not embeddings.shape[1]:
        return float(p.sum() ** 2 / (p @ p))
    drawn = _ordered(embeddings, drawn, order)
    shares = p[drawn] / p[drawn].sum()
    if len(drawn) > 2 * DRAWS:
        return _estimated(embeddings, drawn, shares, u)
    return _diversity(unit(embeddings[drawn]), shares, u)


def _uncompared(keeper_of_row: Rows, keepers: Rows) -> Diversity:
    """The photographs themselves, none of which was compared with another but for copies."""
    files = np.bincount(keeper_of_row[keeper_of_row >= 0], minlength=len(keeper_of_row))[keepers]
    shares = files / files.sum()
    weights = np.zeros(len(keeper_of_row))
    weights[keepers] = 1.0
    count = float(len(keepers))
    return Diversity(
        effective_images=count,
        low=count,
        high=count,
        files=int(files.sum()),
        photographs=len(keepers),
        evenness=float(1.0 / (shares @ shares) / count),
        weights=weights,
        measured=False,
    )


def _estimated(embeddings: NDArray[np.float32], drawn: Rows, p: Floats, u: float) -> float:
    """1/(p'Kp) with its diagonal exact and the mean of the rest from draws spread evenly over the shares."""
    at = np.searchsorted(np.cumsum(p), (np.arange(DRAWS) + 0.5) / DRAWS)
    rows, times = np.unique(np.minimum(at, len(p) - 1), return_counts=True)
    own = float(p @ p)
    if len(rows) == 1:
        return min(max(1.0 / own, 1.0), float(len(p)))
    q = times / DRAWS
    same = float(q @ q)
    both = 1.0 / _diversity(unit(embeddings[drawn[rows]]), q, u)
    return min(max(1.0 / (own + (1.0 - own) * max(both - same, 0.0) / (1.0 - same)), 1.0), float(len(p)))


def _keepers(keeper_of_row: Rows) -> Rows:
    own = np.flatnonzero(keeper_of_row == np.arange(len(keeper_of_row)))
    if not np.isin(keeper_of_row[keeper_of_row >= 0], own).all():
        raise ValueError("keeper_of_row: a keeper must stand for itself")
    return own


def _ordered(embeddings: NDArray[np.float32], rows: Rows, order: Rows | None) -> Rows:
    """`rows` in an order that does not depend on how the files were listed."""
    if order is not None:
        rank = np.empty(len(embeddings), dtype=np.intp)
        rank[order] = np.arange(len(embeddings))
        return rows[np.argsort(rank[rows])]
    values = np.ascontiguousarray(embeddings[rows])
    keys = values.view(np.dtype((np.void, values.dtype.itemsize * values.shape[1])))[:, 0]
    return rows[np.argsort(keys, kind="stable")]


def _diversity(vectors: NDArray[np.floating], p: Floats, u: float) -> float:
    """1/(p'Kp), half a kernel at a time: rows of a block against the rows up to its end."""
    concentration = 0.0
    for block in blocks(len(p), len(p)):
        inside = kernel(vectors[block] @ vectors[block].T, u)
        np.fill_diagonal(inside, 1.0)
        concentration += float(p[block] @ inside @ p[block])
        if block.start:
            before = slice(0, block.start)
            concentration += 2.0 * float(p[block] @ kernel(vectors[block] @ vectors[before].T, u) @ p[before])
    return min(max(1.0 / concentration, 1.0), float(len(p)))


def _count(vectors: NDArray[np.floating], p: Floats, u: float) -> Count:
    """The set's maximum diversity at u and at either end of its range, and that of the mixture p, by one kernel."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, 1.0)
    values = np.empty_like(similarity)
    value, weights = maximum_diversity(_kernel_into(values, similarity, u))
    mixed = float(1.0 / (p @ (values @ p)))
    low, high = (
        maximum_diversity(_kernel_into(values, similarity, scale), weights > 0)[0] for scale in (u * RANGE, u / RANGE)
    )
    some = spread(len(p), TYPICAL)
    typical = median_of_pairs(similarity if len(some) == len(p) else similarity[np.ix_(some, some)])
    return Count(value=value, weights=weights, low=low, high=high, mixed=mixed, typical=typical, whole=True)


def _kernel_into(values: Floats, similarity: NDArray[np.floating], u: float) -> Floats:
    """The kernel of all pairs, a few rows at a time, so that what lies between stays in the processor's cache."""
    for block in blocks(len(values), len(values), CACHE_BYTES):
        values[block] = kernel(similarity[block], u)
    return values


def _is_kernel_limited(count: Count, u: float) -> bool:
    """Whether the model sees the pictures as so alike that more of their kind could hardly raise the number.

    If all pairs had kernel value k, no set of any size could pass 1/k; half of that bound, with k at the median
    similarity, is where the model rather than the pictures begins to decide. It says nothing about fewer than ten
    pictures, about a set that still counts more than half of its pictures, or about one whose typical pair is closer
    than the scale itself (k >= 1/2: frames of one scene, where the pictures are the limit).
    """
    n = len(count.weights)
    if n < JUDGED or count.value > n / 2:
        return False
    typical = float(kernel(np.array([count.typical]), u)[0])
    return typical < 0.5 and count.value > 0.5 / typical
