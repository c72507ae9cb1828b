"""Effective images: how many different pictures a set holds, and what each is worth.

Two pictures with cosine s between their embeddings have kernel value 2^(-(1-s)/u): 1 for copies, 1/2 at s = 1 - u, a
Gaussian on unit vectors and so positive semidefinite. u is the embedder's own scale (see scale.py). The number is the
maximum diversity of that kernel (see maximum.py): copies change nothing, a new picture never lowers it, it lies between
1 and the number of pictures, and it adds up over unrelated groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from curate.diversity.maximum import DENSE, maximum_diversity
from curate.records import Diversity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

RANGE = 1.4  # factor on u either way; it held the scale of hand-picked sets for all 30 read-outs of 5 networks tried
BLOCK_BYTES = 64 * 2**20  # of kernel values held at once when the whole kernel would not fit
LANDMARKS = 512  # rows first looked at in a set too large for one kernel, and rows added a round
POOL = 20_000  # rows from which the landmarks are picked
ROUNDS = 12  # of adding rows; more than fill one kernel from the first landmarks
COVERED = 0.995  # least Kw of a row that needs no weight of its own: the value is then within 1 % of the maximum, since
# no mixture has more than value / (2 min(Kw) - 1)
DRAWS = 4000  # from which the diversity of a larger set's draws is estimated: within 1 % of the exact value
JUDGED = 10  # pictures (45 pairs) from which on a median similarity says something about the model


def kernel(similarities: NDArray[np.floating], u: float) -> Floats:
    """2^(-(1-s)/u) for cosines s: 1 for equal pictures, 1/2 at s = 1-u. Same shape as `similarities`, float64."""
    distances = np.asarray(np.subtract(1.0, similarities, dtype=np.float64))
    np.maximum(distances, 0.0, out=distances)
    distances *= -1.0 / u
    values: Floats = np.exp2(distances, out=distances)
    return values


def measure(embeddings: NDArray[np.float32], keeper_of_row: Rows, u: float, order: Rows | None = None) -> Diversity:
    """How many different pictures the set holds, with its range, and the weight of each row.

    `embeddings` float32 [N, D]. `keeper_of_row` int [N]: the row that stands for each row's photograph (itself, if it
    is no proved copy), -1 for rows that do not count, such as regularisation pictures. `order` int [N] is a permutation
    that does not depend on the order of files, such as by digest: equal sets then give equal bits; without it rows are
    ordered by their values. Raises ValueError if a keeper does not stand for itself.
    """
    keeper_of_row = np.asarray(keeper_of_row, dtype=np.intp)
    counted = keeper_of_row >= 0
    keepers = _keepers(keeper_of_row)
    weights = np.zeros(len(embeddings))
    if len(keepers) == 0:
        return Diversity(effective_images=0.0, low=0.0, high=0.0, files=0, photographs=0, evenness=1.0, weights=weights)
    keepers = _ordered(embeddings, keepers, order)
    vectors = unit(embeddings[keepers])
    value, own, whole = _maximum(vectors, u)
    start = own > 0
    low, high = (_maximum(vectors, scale, start)[0] for scale in (u * RANGE, u / RANGE))
    weights[keepers] = np.minimum(own, 1.0)
    copies = np.bincount(keeper_of_row[counted], minlength=len(embeddings))[keepers]
    uniform = _diversity(vectors, copies / copies.sum(), u)
    return Diversity(
        effective_images=value,
        low=min(low, value),
        high=max(high, value),
        files=int(counted.sum()),
        photographs=len(keepers),
        evenness=min(uniform / value, 1.0),
        weights=weights,
        kernel_limited=_kernel_limited(vectors, value, u),
        at_least=not whole,
    )


def sampled_diversity(
    embeddings: NDArray[np.float32],
    keeper_of_row: Rows,
    draw_weights: NDArray[np.floating],
    u: float,
    order: Rows | None = None,
) -> float:
    """Diversity 1/(p'Kp) of what a trainer sees that draws row i in proportion to `draw_weights[i]` (>= 0).

    Copies count as their keeper, rows with keeper -1 are left out. 1 to the number of photographs; 0 if nothing is
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
    drawn = _ordered(embeddings, drawn, order)
    shares = p[drawn] / p[drawn].sum()
    if len(drawn) > 2 * DRAWS:
        return _estimated(embeddings, drawn, shares, u)
    return _diversity(unit(embeddings[drawn]), shares, u)


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


def unit(embeddings: NDArray[np.float32]) -> NDArray[np.floating]:
    """Rows of length 1: float64 while that is small, since 1-s is what counts; float32 for very large sets."""
    exact = np.float64 if len(embeddings) <= 4 * DENSE else np.float32
    vectors = embeddings.astype(exact)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: NDArray[np.floating] = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return result


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    size = max(1, BLOCK_BYTES // (8 * max(columns, 1)))
    return (slice(first, min(first + size, rows)) for first in range(0, rows, size))


def _dense(vectors: NDArray[np.floating], u: float) -> Floats:
    K = kernel(vectors @ vectors.T, u)
    np.fill_diagonal(K, 1.0)
    return K


def _diversity(vectors: NDArray[np.floating], p: Floats, u: float) -> float:
    """1/(p'Kp), half a kernel at a time: rows of a block against the rows up to its end."""
    concentration = 0.0
    for block in _blocks(len(p), len(p)):
        inside = _dense(vectors[block], u)
        concentration += float(p[block] @ inside @ p[block])
        if block.start:
            before = slice(0, block.start)
            concentration += 2.0 * float(p[block] @ kernel(vectors[block] @ vectors[before].T, u) @ p[before])
    return min(max(1.0 / concentration, 1.0), float(len(p)))


def _maximum(
    vectors: NDArray[np.floating], u: float, start: NDArray[np.bool_] | None = None
) -> tuple[float, Floats, bool]:
    """(maximum diversity, weight of each row, whether that is the whole of it rather than a lower bound)."""
    n = len(vectors)
    if n <= DENSE:
        return (*maximum_diversity(_dense(vectors, u), start), True)
    return _maximum_of_many(vectors, u)


def _maximum_of_many(vectors: NDArray[np.floating], u: float) -> tuple[float, Floats, bool]:
    """The same by landmarks, without a kernel of all pairs.

    The optimum only needs the rows that carry weight. Start with rows far apart, solve, and add rows that the solution
    does not cover (Kw < 1), until all are covered: then it is the optimum of the whole set. When that takes more rows
    than one kernel holds, the value is the optimum of a part, hence a lower bound.
    """
    n = len(vectors)
    pool = np.linspace(0, n - 1, min(n, POOL)).astype(np.intp)
    chosen = np.sort(pool[_far_apart(vectors[pool], LANDMARKS)])
    value, weights, covered = 0.0, np.zeros(n), False
    for _ in range(ROUNDS):
        value, own = maximum_diversity(_dense(vectors[chosen], u))
        weights = np.zeros(n)
        weights[chosen] = own
        held = np.flatnonzero(weights)
        cover = np.empty(n)
        for block in _blocks(n, len(held)):
            cover[block] = kernel(vectors[block] @ vectors[held].T, u) @ weights[held]
        cover[chosen] = 1.0
        missed = np.flatnonzero(cover < COVERED)
        covered = len(missed) == 0
        room = DENSE - len(chosen)
        if covered or room <= 0:
            break
        missed = missed[np.argsort(cover[missed], kind="stable")[:POOL]]
        chosen = np.sort(np.concatenate([chosen, missed[_far_apart(vectors[missed], min(LANDMARKS, room))]]))
    return value, weights, covered


def _far_apart(vectors: NDArray[np.floating], count: int) -> Rows:
    """`count` rows, each the one farthest from those before it, from row 0 on (Gonzalez 1985)."""
    chosen = [0]
    nearest = vectors @ vectors[0]
    while len(chosen) < min(count, len(vectors)):
        farthest = int(nearest.argmin())
        if nearest[farthest] > 1.0 - 1e-6:  # the rest are copies of chosen ones
            break
        chosen.append(farthest)
        np.maximum(nearest, vectors @ vectors[farthest], out=nearest)
    return np.asarray(chosen, dtype=np.intp)


def _kernel_limited(vectors: NDArray[np.floating], value: float, u: float) -> bool:
    """Whether the model sees the pictures as so alike that more of their kind could hardly raise the number.

    If all pairs had kernel value k, no set of any size could pass 1/k; half of that bound, with k at the median
    similarity, is where the model rather than the pictures begins to decide. It says nothing about fewer than ten
    pictures, about a set that still counts more than half of its pictures, or about one whose typical pair is closer
    than the scale itself (k >= 1/2: frames of one scene, where the pictures are the limit).
    """
    n = len(vectors)
    if n < JUDGED or value > n / 2:
        return False
    some = vectors[np.linspace(0, n - 1, min(n, DENSE // 2)).astype(np.intp)]
    similarities = (some @ some.T)[np.triu_indices(len(some), k=1)]
    typical = float(kernel(np.median(similarities, keepdims=True), u)[0])
    return typical < 0.5 and value > 0.5 / typical
