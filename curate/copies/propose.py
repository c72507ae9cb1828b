"""Which pairs of pictures may be one photograph: nearest neighbours and near hashes (FAISS's only door).

Nothing here decides; `align` proves or drops each pair. Neighbours are taken by rank, so no threshold of any one
model is needed: among edited copies of real photographs the original was one of the ten nearest in 99-100 % for every
embedder tried, and what a rank misses (quarter turns) the hashes in eight orientations find.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEIGHBOURS = 10  # nearest pictures proposed for each
ALIKE = 32  # nearest pictures looked at for look-alikes
EXACT = 20_000  # pictures up to which every one is compared with every other (blockwise, nothing kept)
CELLS_PROBED = 16  # of the coarse cells of a larger set: recall .99 and more of the exact search


def nearest(embeddings: NDArray[np.float32], k: int = ALIKE) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cosines and rows of the k nearest others of each row: float32 and int64 [N, k]; -1 where there are fewer.

    `embeddings`: float32 [N, D], rows of length 1. Equal cosines are ordered by row.
    """
    n = len(embeddings)
    k = min(k, n - 1)
    if k < 1:
        return np.zeros((n, 0), np.float32), np.zeros((n, 0), np.int64)
    similarity, rows = _search(np.ascontiguousarray(embeddings, np.float32), k + 1)
    own = rows == np.arange(n)[:, None]
    missing = ~own.any(1)
    own[missing, -1] = True  # k + 1 equal pictures can push a row out of its own list
    keep = ~own
    similarity, rows = similarity[keep].reshape(n, k), rows[keep].reshape(n, k)
    order = np.lexsort((rows, -similarity.round(6)), axis=1)
    return np.take_along_axis(similarity, order, 1), np.take_along_axis(rows, order, 1)


def _search(embeddings: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    import faiss

    index: Any
    n, dimensions = embeddings.shape
    index = faiss.IndexFlatIP(dimensions)
    if n > EXACT:
        cells = int(4 * np.sqrt(n))
        index = faiss.IndexIVFFlat(index, dimensions, cells, faiss.METRIC_INNER_PRODUCT)
        index.nprobe = CELLS_PROBED
        index.cp.seed = 1
        index.train(embeddings[:: max(1, n // (40 * cells))])
    index.add(embeddings)
    similarity, rows = index.search(embeddings, k)
    return similarity, rows.astype(np.int64)


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
    found = set()
    k = min(NEIGHBOURS, rows.shape[1])
    for a, b in zip(*np.nonzero((similarity[:, :k] >= floor) & (rows[:, :k] >= 0)), strict=True):
        other = int(rows[a, b])
        found.add((min(int(a), other), max(int(a), other)))
    for a, b in near_hashes:
        found.add((min(a, b), max(a, b)))
    yield from sorted(found)
