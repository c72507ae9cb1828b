"""Which pairs of pictures may be one photograph: nearest neighbours and near hashes (FAISS's only door).

Nothing here decides; `align` proves or drops each pair. Neighbours are taken by rank, so no threshold of any one
model is needed: among edited copies of real photographs the original was one of the ten nearest in 99-100 % for every
embedder tried, and what a rank misses (quarter turns) the hashes in eight orientations find.

Small sets are compared whole. Of larger ones each picture is compared with those in the nearest cells of an inverted
file (Jegou, Douze and Schmid 2011, PAMI 33:117). How many cells are looked at is not a guess: some pictures are
compared with all others, and as many cells are looked at as it takes to find what these found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Rows = NDArray[np.int64]

NEIGHBOURS = 10  # nearest pictures proposed for each
ALIKE = 32  # nearest pictures looked at for look-alikes
EXACT = 20_000  # pictures up to which every one is compared with every other (blockwise, nothing kept)
CELLS = 4.0  # times the root of the number of pictures, as FAISS advises for sets of this size
TRAINING = 40  # pictures a cell from which the cells are made: FAISS asks for at least 39
PROBES = 8  # cells looked at, at least: a sample with few neighbours says little
SAMPLE = 2_000  # pictures compared with all others, to tell how many cells must be looked at
RECALL = 0.995  # share of the sample's neighbours that must be found; .99 is what is promised of all


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
    similarity, rows, recall = _exact(vectors, k, floor) if n <= EXACT else _by_cells(vectors, k, floor)
    order = np.lexsort((rows, -similarity.round(6)), axis=1)
    return Neighbours(
        similarity=np.take_along_axis(similarity, order, 1), rows=np.take_along_axis(rows, order, 1), recall=recall
    )


def _exact(vectors: Vectors, k: int, floor: float) -> tuple[Vectors, Rows, float]:
    """Cosines and rows [N, k] of the nearest others not below the floor, and 1: all of them."""
    import faiss

    similarity, rows = faiss.knn(vectors, vectors, k + 1, metric=faiss.METRIC_INNER_PRODUCT)
    return (*_others(similarity, rows, np.arange(len(vectors)), floor), 1.0)


def _by_cells(vectors: Vectors, k: int, floor: float) -> tuple[Vectors, Rows, float]:
    """The same by an inverted file, and the share of the neighbours that was found, as a sample shows it."""
    import faiss

    n, dimensions = vectors.shape
    cells = int(CELLS * np.sqrt(n))
    index: Any = faiss.IndexIVFFlat(faiss.IndexFlatIP(dimensions), dimensions, cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = 1
    index.train(vectors[:: max(1, n // (TRAINING * cells))])
    index.add(vectors)
    sample = np.unique(np.linspace(0, n - 1, SAMPLE).astype(np.int64))
    similarity, rows = faiss.knn(vectors[sample], vectors, k + 1, metric=faiss.METRIC_INNER_PRODUCT)
    _, wanted = _others(similarity, rows, sample, floor)
    probes, recall = PROBES, 0.0
    while True:
        index.nprobe = min(probes, cells)
        similarity, rows = index.search(vectors[sample], k + 1)
        _, found = _others(similarity, rows, sample, floor)
        recall = _recall(wanted, found)
        if recall >= RECALL or probes >= cells:
            break
        probes *= 2
    similarity, rows = index.search(vectors, k + 1)
    return (*_others(similarity, rows, np.arange(n), floor), recall)


def _others(similarity: Vectors, rows: Rows, own: Rows, floor: float) -> tuple[Vectors, Rows]:
    """What was found without each row itself, one column less; rows -1 and cosine -1 where it is below the floor."""
    itself = rows == own[:, None]
    itself[~itself.any(axis=1), -1] = True  # equal pictures can push a row out of its own list
    shape = (len(rows), rows.shape[1] - 1)
    similarity, rows = similarity[~itself].reshape(shape), rows[~itself].reshape(shape).astype(np.int64)
    none = (rows < 0) | (similarity < floor)
    return np.where(none, np.float32(-1), similarity), np.where(none, -1, rows)


def _recall(wanted: Rows, found: Rows) -> float:
    """Share of the wanted neighbours that were found; 1 where none are wanted."""
    right = sum(len(np.intersect1d(one[one >= 0], other)) for one, other in zip(wanted, found, strict=True))
    every = int((wanted >= 0).sum())
    return right / every if every else 1.0


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
