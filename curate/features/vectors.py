"""The embeddings of a catalog's pictures in one array that is never copied: those of 100,000 pictures take 512 MB."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]
    Matrix = NDArray[np.float32]
    Rows = NDArray[np.int64]


class Selected:
    """Some rows of a matrix [N, D], as a matrix of which nothing is copied but what is asked for."""

    def __init__(self, matrix: Matrix | Selected, rows: Rows) -> None:
        self._matrix, self._rows = matrix, rows
        self.shape: tuple[int, int] = (len(rows), matrix.shape[1])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, some: slice | Rows) -> Matrix:
        return self._matrix[self._rows[some]]


def of_rows(matrix: Matrix, rows: Sequence[int]) -> Matrix:
    """Those rows: a part of the matrix itself where they follow each other, else a copy."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return matrix[rows[0] : rows[-1] + 1]
    return matrix[np.asarray(rows, np.intp)]


class Vectors(MutableMapping[str, "Vector"]):
    """Digest -> embedding [D]. Setting one copies it into its row."""

    def __init__(self, digests: Sequence[str]) -> None:
        """`digests`: of the catalog's pictures in order; equal ones are one picture twice. There are no others."""
        self._room = len(digests)
        self._row: dict[str, int] = {}
        for row, digest in enumerate(digests):
            self._row.setdefault(digest, row)
        self._held: dict[str, None] = {}
        self._all: NDArray[np.float32] | None = None

    def __getitem__(self, digest: str) -> Vector:
        if self._all is None or digest not in self._held:
            raise KeyError(digest)
        vector: Vector = self._all[self._row[digest]]
        return vector

    def __setitem__(self, digest: str, vector: Vector) -> None:
        """Raises ValueError for a vector of another length than the first one's."""
        if self._all is None:
            self._all = np.empty((self._room, len(vector)), np.float32)  # takes memory row by row, as it is filled
        self._all[self._row[digest]] = vector
        self._held[digest] = None

    def __delitem__(self, digest: str) -> None:
        del self._held[digest]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def taken(self, digests: Sequence[str]) -> NDArray[np.float32]:
        """The embeddings [M, D] of these pictures, some of the catalog's in its order. They are here no longer: rows
        are moved up to where others are left out. Raises KeyError for one that was never set."""
        (whole, self._all), (held, self._held) = (self._all, None), (self._held, {})
        if not digests:
            return np.zeros((0, 0), np.float32)
        if whole is None:
            raise KeyError(digests[0])
        for to, digest in enumerate(digests):
            if digest not in held:
                raise KeyError(digest)
            if (row := self._row[digest]) != to:
                whole[to] = whole[row]
            self._row[digest] = to  # where a second picture of these bytes finds it
        return whole[: len(digests)]
