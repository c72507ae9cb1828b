"""The largest diversity that any mixture of pictures can have, and the mixture that has it.

For a similarity kernel K (K_ii = 1, entries 0 to 1) the diversity of a mixture p is 1 / (p'Kp). Its maximum over all
mixtures does not depend on the order of the diversity (Leinster and Meckes 2016, "Maximizing diversity in biology and
beyond", Entropy 18:88, arXiv 1512.06314) and solves a quadratic programme with bounds:

    w = argmin over w >= 0 of  w'Kw / 2 - sum(w),      maximum = sum(w),      p = w / maximum

The optimum is where w >= 0, Kw >= 1 and one of the two is tight in every row. Block principal pivoting finds the rows
that carry weight by exchanging all wrong ones at once, and falls back to one exchange at a time when that does not make
progress, which ends for every positive definite K (Judice and Pires 1994, Computers & OR 21:587; Portugal, Judice and
Vicente 1994, Math. Comp. 63:625).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

JITTER = 1e-8  # on the diagonal: equal pictures make K singular; this costs the number less than 1e-8 of itself
TOLERANCE = 1e-9  # of w >= 0 and Kw >= 1; below the jitter, above float64 noise of sums over some thousand rows
PATIENCE = 5  # block exchanges without progress before single ones; Portugal et al. use 3 to 10
MAX_PIVOTS = 400  # then the slower method that cannot cycle; sets of pictures need 3 to 15
DENSE = 4096  # rows: K in float64 takes 128 MiB, its factor as much again


def maximum_diversity(K: Floats, start: NDArray[np.bool_] | None = None) -> tuple[float, Floats]:
    """The maximum diversity of kernel `K`, and the weight of each row: how many effective pictures it is.

    `K` is symmetric positive semidefinite float64 [N, N] with unit diagonal and entries 0-1. `start` guesses the rows
    that carry weight; it changes the time, not the answer. Gives (value in 1..N, weights [N] >= 0 that sum to it);
    (0, []) for no rows.
    """
    n = len(K)
    if n == 0:
        return 0.0, np.zeros(0)
    support = np.ones(n, dtype=bool) if start is None else start.copy()
    weights = _pivot(K, support)
    if weights is None:
        weights = _non_negative_least_squares(K)
    weights = np.maximum(weights, 0.0)
    held = np.flatnonzero(weights)
    w = weights[held]
    total = float(w.sum())
    value = total * total / float(w @ K[np.ix_(held, held)] @ w)  # 1 / p'Kp: true for these weights, rounding or not
    value = min(max(value, 1.0), float(n))
    return value, weights * (value / total)


def _pivot(K: Floats, support: NDArray[np.bool_]) -> Floats | None:
    """The optimal weights by block principal pivoting from `support`, or None when the pivots run out."""
    fewest, patience = len(K) + 1, PATIENCE
    for _ in range(MAX_PIVOTS):
        weights, slack = _complementary(K, support)
        wrong = np.where(support, weights < -TOLERANCE, slack < -TOLERANCE)
        count = int(wrong.sum())
        if count == 0:
            return weights
        if count < fewest:
            fewest, patience = count, PATIENCE
        elif patience > 0:
            patience -= 1
        else:
            last = np.flatnonzero(wrong)[-1]
            wrong = np.zeros_like(wrong)
            wrong[last] = True
        support = support ^ wrong
    return None


def _complementary(K: Floats, support: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Weights with Kw = 1 on `support` and 0 elsewhere, and Kw - 1 elsewhere."""
    from scipy.linalg import cho_factor, cho_solve

    weights, slack = np.zeros(len(K)), np.full(len(K), -1.0)
    rows = np.flatnonzero(support)
    if len(rows) == 0:
        return weights, slack
    inner = K[np.ix_(rows, rows)]
    inner.flat[:: len(rows) + 1] += JITTER
    weights[rows] = cho_solve(
        cho_factor(inner, lower=True, overwrite_a=True, check_finite=False), np.ones(len(rows)), check_finite=False
    )
    others = np.flatnonzero(~support)
    slack[rows] = 0.0
    slack[others] = K[np.ix_(others, rows)] @ weights[rows] - 1.0
    return weights, slack


def _non_negative_least_squares(K: Floats) -> Floats:
    """The same optimum as min |L'w - L^-1 1| over w >= 0, with K = LL': slow, and cannot cycle."""
    from scipy.linalg import cholesky, solve_triangular
    from scipy.optimize import nnls

    lower = cholesky(K + JITTER * np.eye(len(K)), lower=True)
    target = solve_triangular(lower, np.ones(len(K)), lower=True)
    weights: Floats = nnls(lower.T, target, maxiter=30 * len(K))[0]
    return weights
