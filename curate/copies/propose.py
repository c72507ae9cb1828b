"""Which pairs of pictures may be one photograph: nearest neighbours and near hashes (FAISS's only door).

Nothing here decides; `align` proves or drops each pair. Neighbours are taken by rank, so no threshold of any one
model is needed: among edited copies of real photographs the original was one of the ten nearest in 99-100 % for every
embedder tried, and what a rank misses (quarter turns) the hashes in eight orientations find.

Small sets are compared whole, larger ones by cells (cells.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from curate.copies import cells
from curate.features.vectors import Selected

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Rows = NDArray[np.int64]
    Matrix = Vectors | Selected

NEIGHBOURS = 10  # nearest pictures proposed for each
ALIKE = 32  # nearest pictures looked at for look-alikes
SPARE = 4  # more, so that those looked at do not depend on the search's rounding: five equal ones in a row are not met
ROUNDING = 1e-5  # of a cosine in a product of float32 matrices, at most: 1e-6 was seen with 1,280 dimensions
PAIRS = 4_096  # rows sorted, and pairs whose cosines are counted, at once: 40 MiB of vectors
BLOCK = 64  # newcomers compared with all others at once
EXACT = 20_000  # pictures up to which every one is compared with every other (blockwise, nothing kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The nearest others of each row, the nearest first; equal cosines are ordered by row."""

    similarity: NDArray[np.float32]  # [N, k] cosines
    rows: NDArray[np.int64]  # [N, k]; -1 where there are fewer
    recall: float  # share of the neighbours not below the floor that were found, on a sample; 1 where all are

    def first(self, k: int) -> Neighbours:
        """The k nearest of them."""
        k = max(k, 0)
        return replace(self, similarity=self.similarity[:, :k], rows=self.rows[:, :k])


def nearest(embeddings: Matrix, k: int = ALIKE, floor: float = -1.0) -> Neighbours:
    """The k nearest others of each row.

    `embeddings`: float32 [N, D], rows of length 1. `floor`: cosine from which neighbours are wanted. In a set of more
    than EXACT rows at least 99 in 100 of them are found, in a smaller one all.
    """
    return candidates(embeddings, k, floor).first(min(k, len(embeddings) - 1))


def candidates(embeddings: Matrix, k: int, floor: float) -> Neighbours:
    """The k nearest others of each row and SPARE more, so that rounding within the search decides nothing."""
    n = len(embeddings)
    k = min(k + SPARE, n - 1)
    if k < 1 or not embeddings.shape[1]:
        return Neighbours(similarity=np.zeros((n, 0), np.float32), rows=np.zeros((n, 0), np.int64), recall=1.0)
    if isinstance(embeddings, np.ndarray):
        embeddings = embeddings.astype(np.float32, copy=False)
    search = _exact if n <= EXACT else cells.nearest
    rows, recall = search(embeddings, k, floor - ROUNDING)
    return _ordered(embeddings, np.arange(n), rows, floor, recall)


def extended(embeddings: Matrix, known: Neighbours, searched: Rows, come: Rows, floor: float) -> Neighbours:
    """`candidates`, of which some are known: the lists of all rows but `searched`, as they are without the rows `come`.

    `embeddings` float32 [N, D]. Every row that came is among the `searched`.
    """
    import faiss

    vectors = _whole(embeddings)
    similarity, rows = known.similarity.copy(), known.rows.copy()
    k, own = rows.shape[1], np.arange(len(rows))
    if len(searched):
        near, found = faiss.knn(vectors[searched], vectors, k + 1, metric=faiss.METRIC_INNER_PRODUCT)
        again = _ordered(vectors, searched, _others(near, found, searched, floor - ROUNDING), floor, 1.0)
        similarity[searched], rows[searched] = again.similarity, again.rows
    met = np.ones(len(rows), dtype=bool)
    met[searched] = False
    for start in range(0, len(come), BLOCK):
        some = come[start : start + BLOCK]
        last = np.maximum(similarity[:, -1], floor) - ROUNDING
        at, row = np.nonzero((vectors[some] @ vectors.T >= last) & met)
        wide = np.concatenate([rows, np.full((len(rows), len(some)), -1)], axis=1)
        wide[row, k + at] = some[at]
        touched = np.unique(row)
        new = _ordered(vectors, touched, wide[touched], floor, 1.0).first(k)
        similarity[touched], rows[touched] = new.similarity, new.rows
    return _ordered(vectors, own, rows, floor, known.recall, similarity)


def cosines(vectors: Matrix, one: Rows, other: Rows) -> Vectors:
    """The cosine of each pair of rows. The same pair has the same bits whatever it is counted with and wherever its
    rows stand, which products of matrices do not give."""
    found = np.empty(len(one), np.float32)
    for start in range(0, len(one), PAIRS):
        block = slice(start, start + PAIRS)
        low, high = np.minimum(one[block], other[block]), np.maximum(one[block], other[block])
        np.einsum("ij,ij->i", vectors[low], vectors[high], out=found[block])
    return found


def _ordered(
    vectors: Matrix, own: Rows, rows: Rows, floor: float, recall: float, similarity: Vectors | None = None
) -> Neighbours:
    """The neighbours `rows` [M, k] of the rows `own`, the nearest first, without those below the floor."""
    near = np.full(rows.shape, -1, np.float32)
    found = np.full(rows.shape, -1, np.int64)
    for start in range(0, len(rows), PAIRS):
        block = slice(start, start + PAIRS)
        others = rows[block]
        if similarity is None:
            at, rank = np.nonzero(others >= 0)
            close = np.full(others.shape, -1, np.float32)
            close[at, rank] = cosines(vectors, own[block][at], others[at, rank])
        else:
            close = similarity[block]
        none = (others < 0) | (close < floor)
        others, close = np.where(none, -1, others), np.where(none, np.float32(-1), close)
        order = np.lexsort((others, -close.round(6), none), axis=1)
        near[block], found[block] = np.take_along_axis(close, order, 1), np.take_along_axis(others, order, 1)
    return Neighbours(similarity=near, rows=found, recall=recall)


def _whole(vectors: Matrix) -> Vectors:
    return np.ascontiguousarray(vectors[:], np.float32)


def _exact(embeddings: Matrix, k: int, floor: float) -> tuple[Rows, float]:
    """The rows [N, k] of the nearest others not below the floor, -1 where there are fewer, and 1: all of them."""
    import faiss

    vectors = _whole(embeddings)
    similarity, rows = faiss.knn(vectors, vectors, k + 1, metric=faiss.METRIC_INNER_PRODUCT)
    return _others(similarity, rows, np.arange(len(vectors)), floor), 1.0


def _others(similarity: Vectors, rows: Rows, own: Rows, floor: float) -> Rows:
    """What was found without each row itself, one column less; -1 where it is below the floor."""
    itself = rows == own[:, None]
    itself[~itself.any(axis=1), -1] = True  # equal pictures can push a row out of its own list
    shape = (len(rows), rows.shape[1] - 1)
    similarity, rows = similarity[~itself].reshape(shape), rows[~itself].reshape(shape).astype(np.int64)
    return np.where((rows < 0) | (similarity < floor), -1, rows)


def pairs(similarity: Vectors, rows: Rows, floor: float, hashed: Rows) -> Rows:
    """Pairs (a, b), a < b, int64 [P, 2], each once and in order, that an alignment should look at.

    `similarity`, `rows`: of `nearest`. `floor`: cosine below which no edit of a picture falls with this embedder;
    neighbours below it are dropped unless they are among the pairs with near hashes, `hashed` [H, 2].
    """
    k, n = min(NEIGHBOURS, rows.shape[1]), len(rows)
    one, rank = np.nonzero((similarity[:, :k] >= floor) & (rows[:, :k] >= 0))
    other = rows[one, rank]
    first = np.concatenate([np.minimum(one, other), hashed.min(axis=1, initial=n)])
    last = np.concatenate([np.maximum(one, other), hashed.max(axis=1, initial=0)])
    return np.stack(np.divmod(np.unique(first * n + last), max(n, 1)), axis=1)
