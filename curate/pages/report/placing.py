"""Where each picture lies on the map: the two main directions of the embeddings, then a place of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOM = 1.9  # cells a picture: half of the map stays empty, so that clusters and loners are seen
ASPECT = 1.6  # width / height of the map, about that of a screen
MOST_ASSIGNED = 1200  # pictures placed at the least total distance; more take 10 s, and are dealt out in order instead
EVEN = 0.65  # how far positions are drawn towards their ranks: 0 leaves crowds crowded, 1 has no clusters left


def project(embeddings: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """Principal components (Pearson 1901): positions float64 [N, 2], and the share of the variance they show, 0-1.

    The sign of each direction is fixed by its largest entry, so that equal sets give equal maps.
    """
    count = len(embeddings)
    if count < 2:
        return np.zeros((count, 2)), 1.0
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    if count <= centred.shape[1]:
        values, vectors = np.linalg.eigh(centred @ centred.T)
        scores = vectors[:, -2:][:, ::-1] * np.sqrt(np.maximum(values[-2:][::-1], 0.0))
    else:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        scores = centred @ vectors[:, -2:][:, ::-1]
    largest = scores[np.abs(scores).argmax(axis=0), [0, 1]]
    total = float(np.maximum(values, 0.0).sum())
    shown = float(np.maximum(values[-2:], 0.0).sum()) / total if total > 0 else 1.0
    return scores * np.where(largest < 0, -1.0, 1.0), shown


def cells(positions: NDArray[np.float64]) -> tuple[NDArray[np.intp], tuple[int, int]]:
    """A cell of its own for each position, near it: (column, row) int [N, 2], and the (columns, rows) of the grid."""
    count = len(positions)
    if count == 0:
        return np.zeros((0, 2), dtype=np.intp), (1, 1)
    columns = max(1, round((count * ROOM * ASPECT) ** 0.5))
    rows = max(1, -(-round(count * ROOM) // columns))
    spread = np.stack([_even(positions[:, axis]) for axis in (0, 1)], axis=1)
    if count <= MOST_ASSIGNED:
        return _assigned(spread, columns, rows), (columns, rows)
    return _dealt(spread, columns, rows), (columns, rows)


def _even(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """0-1, between the values themselves and their ranks."""
    span = float(np.ptp(values))
    if span <= 0:
        return np.full(len(values), 0.5)
    ranks = np.empty(len(values))
    ranks[np.lexsort((np.arange(len(values)), values))] = np.linspace(0.0, 1.0, len(values))
    mixed: NDArray[np.float64] = (1.0 - EVEN) * (values - values.min()) / span + EVEN * ranks
    return mixed


def _assigned(spread: NDArray[np.float64], columns: int, rows: int) -> NDArray[np.intp]:
    """The cells whose squared distances sum up to the least."""
    from scipy.optimize import linear_sum_assignment

    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    wanted = spread * np.array([columns - 1, rows - 1])
    cost = ((wanted[:, None, :] - grid[None, :, :]) ** 2).sum(axis=2)
    return np.asarray(grid[linear_sum_assignment(cost)[1]], dtype=np.intp)


def _dealt(spread: NDArray[np.float64], columns: int, rows: int) -> NDArray[np.intp]:
    """Columns of equally many pictures from left to right, each filled from top to bottom."""
    found = np.zeros((len(spread), 2), dtype=np.intp)
    for column, members in enumerate(np.array_split(np.argsort(spread[:, 0], kind="stable"), columns)):
        ordered = members[np.argsort(spread[members, 1], kind="stable")]
        found[ordered, 0] = column
        found[ordered, 1] = np.linspace(0, rows - 1, len(ordered)).round() if len(ordered) > 1 else rows // 2
    return found
