"""Kernel values of pictures and what is counted with them: see effective.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

RANGE = 1.4  # factor on u either way; it held the scale of hand-picked sets for all 30 read-outs of 5 networks tried
BLOCK_BYTES = 64 * 2**20  # of kernel values held at once when the whole kernel would not fit
TYPICAL = 1024  # rows whose pairs tell the median similarity
EXACT = 2**14  # rows up to which vectors are float64; beyond, these alone would take gigabytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was counted of N photographs."""

    value: float  # maximum diversity at u
    weights: Floats  # [N] of its mixture, summing to it
    low: float  # maximum diversity at u * RANGE
    high: float  # and at u / RANGE
    mixed: float  # diversity of the mixture that was asked about
    typical: float  # median cosine of a pair, of some rows at least
    whole: bool  # False: value, low and high are lower bounds


def kernel(similarities: NDArray[np.floating], u: float, out: Floats | None = None) -> Floats:
    """2^(-(1-s)/u) for cosines s: 1 for equal pictures, 1/2 at s = 1-u. Same shape as `similarities`, float64; written
    into `out` where that is given, which may be the similarities themselves."""
    distances = np.asarray(np.subtract(1.0, similarities, out=out, dtype=np.float64))
    np.maximum(distances, 0.0, out=distances)
    distances *= -1.0 / u
    values: Floats = np.exp2(distances, out=distances)
    return values


def unit(embeddings: NDArray[np.float32], rows: Rows | None = None) -> NDArray[np.floating]:
    """Those rows, or all, with length 1: float64 while that is small, since 1-s is what counts; float32 for very large
    sets, of which nothing else is held on the way."""
    n = len(embeddings) if rows is None else len(rows)
    result = np.empty((n, embeddings.shape[1]), np.float64 if n <= EXACT else np.float32)
    for block in blocks(*result.shape):
        result[block] = embeddings[block if rows is None else rows[block]]
        _shorten(result[block])
    return result


class Units:
    """Rows of length 1 in float32, each made when it is asked for: a copy of a very large set would take gigabytes."""

    def __init__(self, embeddings: NDArray[np.float32], rows: Rows) -> None:
        self._embeddings, self._rows = embeddings, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, some: slice | Rows) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = self._embeddings[self._rows[some]].astype(np.float32, copy=False)
        _shorten(vectors)
        return vectors


def _shorten(vectors: NDArray[np.floating]) -> None:
    """Gives each row length 1, in its place."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.maximum(lengths, np.finfo(np.float32).tiny)


def blocks(rows: int, columns: int, held: int = 0) -> Iterator[slice]:
    """Slices of rows, each with `held` bytes of kernel values against so many columns; 0: BLOCK_BYTES."""
    size = max(1, (held or BLOCK_BYTES) // (8 * max(columns, 1)))
    return (slice(first, min(first + size, rows)) for first in range(0, rows, size))


def spread(n: int, most: int) -> Rows:
    """At most so many of n rows, evenly spread over them."""
    return np.linspace(0, n - 1, min(n, most)).astype(np.intp)


def median_of_pairs(similarity: NDArray[np.floating]) -> float:
    """The median of a square matrix beside its diagonal; 1 for a single row."""
    pairs = similarity[np.tri(len(similarity), k=-1, dtype=bool)]
    return float(np.median(pairs)) if len(pairs) else 1.0
