"""Which pairs of pictures may be one photograph: nearest neighbours and near hashes.

Nothing here decides; `align` proves or drops each pair. Neighbours are taken by rank, so no threshold of any one
model is needed: among edited copies of real photographs the original was one of the ten nearest in 99-100 % for every
embedder tried, and what a rank misses (quarter turns) the hashes in eight orientations find.

Small sets are compared whole. Of larger ones each picture is compared with those in the cells of a coarse k-means that
lie nearest to it, as an inverted file does (Jegou, Douze and Schmid 2011, PAMI 33:117); but cell by cell, all pictures
that ask for a cell at once, so that it is a product of matrices. How many cells are looked at is not a guess: some
pictures are compared with all others, and as many cells are looked at as hold what these found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curate.copies.cells import Cells, compare_all, slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEIGHBOURS = 10  # nearest pictures proposed for each
ALIKE = 32  # nearest pictures looked at for look-alikes
EXACT = 20_000  # pictures up to which every one is compared with every other (blockwise, nothing kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The nearest others of each row, the nearest first; equal cosines are ordered by row."""

    similarity: NDArray[np.float32]  # [N, k] cosines
    rows: NDArray[np.int64]  # [N, k]; -1 where there are fewer
    recall: float  # share of the neighbours not below the floor that were found, on a sample; 1 where all are


def nearest(embeddings: NDArray[np.float32], k: int = ALIKE, floor: float = -1.0) -> Neighbours:
    """The k nearest others of each row.

    `embeddings`: float32 [N, D], rows of length 1. `floor`: cosine from which neighbours are wanted. In a set of more
    than EXACT rows at least 99 in 100 of them are found, in a smaller one all.
    """
    n = len(embeddings)
    k = min(k, n - 1)
    if k < 1:
        return Neighbours(similarity=np.zeros((n, 0), np.float32), rows=np.zeros((n, 0), np.int64), recall=1.0)
    vectors = np.ascontiguousarray(embeddings, np.float32)
    similarity, rows, recall = compare_all(vectors, k, floor) if n <= EXACT else Cells(vectors).nearest(k, floor)
    for block in slices(n, k):
        order = np.lexsort((rows[block], -similarity[block].round(6)), axis=1)
        similarity[block] = np.take_along_axis(similarity[block], order, 1)
        rows[block] = np.take_along_axis(rows[block], order, 1)
    return Neighbours(similarity=similarity, rows=rows, recall=recall)


def pairs(
    similarity: NDArray[np.float32],
    rows: NDArray[np.int64],
    floor: float,
    near_hashes: Iterable[tuple[int, int]],
) -> Iterator[tuple[int, int]]:
    """Pairs (a, b), a < b, each once and in order, that an alignment should look at.

    `similarity`, `rows`: of `nearest`. `floor`: cosine below which no edit of a picture falls with this embedder;
    neighbours below it are dropped unless their hashes are near too.
    """
    k, n = min(NEIGHBOURS, rows.shape[1]), len(rows)
    one, rank = np.nonzero((similarity[:, :k] >= floor) & (rows[:, :k] >= 0))
    other = rows[one, rank]
    hashed = np.fromiter((pair for near in near_hashes for pair in near), dtype=np.int64).reshape(-1, 2)
    first = np.concatenate([np.minimum(one, other), hashed.min(axis=1, initial=n)])
    last = np.concatenate([np.maximum(one, other), hashed.max(axis=1, initial=0)])
    low, high = np.divmod(np.unique(first * n + last), max(n, 1))
    yield from zip(low.tolist(), high.tolist(), strict=True)
