"""Effective images after a few photographs left a set or came back, from the count before: for large sets, at once.

The count of a set of N pictures takes time that grows with the cube of N. When a few pictures go, only what lies near
them takes over their weight, since the kernel halves with every u of distance. So the weights of the nearest pictures
are solved anew while all others keep theirs:

    max over w >= 0 on the near rows of  F(w) = 2 sum(w) - w'Kw

F's maximum over all rows is the maximum diversity itself (see maximum.py), so what this gives is never above it, and
below it by the square of what the far rows would have changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from curate.diversity.effective import kernel
from curate.diversity.maximum import JITTER
from curate.records import Diversity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.intp]

NEAR = 96  # rows solved anew beside those that changed; 96 of 2,000 drawn pictures: within 0.1 % of the whole count
EACH = 8  # rows solved anew for each that changed, where that is more: 20 that come back have more neighbours
MOST = 32  # rows that may change at once, beyond which the whole count is the honest way


def recount(embeddings: NDArray[np.float32], before: Rows, after: Rows, held: Diversity, u: float) -> Diversity | None:
    """The diversity of the photographs `after`, from `held`, that of `before`; None where too many changed.

    `embeddings` float32 [N, D] with rows of length 1. `before` and `after` int [N]: the row that stands for each row's
    photograph, -1 for those that do not count. The range and evenness move with the number.
    """
    own = np.arange(len(embeddings))
    gone, come = np.flatnonzero((before == own) & (after != own)), np.flatnonzero((after == own) & (before != own))
    changed = np.concatenate([gone, come])
    photographs = int((after == own).sum())
    if not len(changed):  # other files of the same photographs
        return replace(held, files=int((after >= 0).sum()), estimated=True)
    count = max(NEAR, EACH * len(changed))
    if len(changed) > MOST or photographs <= count or not held.measured:
        return None
    weights = held.weights.copy()
    alive = np.flatnonzero(after == own)
    closest = (embeddings[alive] @ embeddings[changed].T).max(axis=1)
    near = np.union1d(alive[np.argpartition(-closest, count)[:count]], come)
    touched = np.union1d(near, gone)
    bearing = np.flatnonzero(weights)
    inside = kernel(embeddings[touched] @ embeddings[touched].T, u)
    np.fill_diagonal(inside, 1.0)
    pull = kernel(embeddings[touched] @ embeddings[bearing].T, u) @ weights[bearing]  # Kw on the touched rows
    at, old = np.searchsorted(touched, near), weights[touched]
    wanted = 1.0 - pull[at] + inside[at] @ old  # what the far rows leave for the near ones
    new = np.zeros(len(touched))
    new[at] = _solved(inside[np.ix_(at, at)], wanted)
    step = new - old
    value = held.effective_images + 2 * step.sum() - 2 * float(step @ pull) - float(step @ inside @ step)
    value = min(max(value, 1.0), float(photographs))
    weights[touched] = np.minimum(new, 1.0)
    factor = value / held.effective_images
    return replace(
        held,
        effective_images=value,
        low=min(held.low * factor, value),
        high=max(held.high * factor, value),
        files=int((after >= 0).sum()),
        photographs=photographs,
        weights=weights,
        estimated=True,
    )


def _solved(K: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """argmin over w >= 0 of w'Kw / 2 - wanted'w, as min |L'w - L^-1 wanted| with K = LL'."""
    from scipy.linalg import cholesky, solve_triangular
    from scipy.optimize import nnls

    lower = cholesky(K + JITTER * np.eye(len(K)), lower=True)
    weights: NDArray[np.float64] = nnls(lower.T, solve_triangular(lower, wanted, lower=True), maxiter=30 * len(K))[0]
    return weights
