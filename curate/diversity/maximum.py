"""The largest diversity that any mixture of pictures can have, and the mixture that has it.

For a similarity kernel K (K_ii = 1, entries 0 to 1) the diversity of a mixture p is 1 / (p'Kp). Its maximum over all
mixtures does not depend on the order of the diversity (Leinster and Meckes 2016, "Maximizing diversity in biology and
beyond", Entropy 18:88, arXiv 1512.06314) and solves a quadratic programme with bounds:

    w = argmin over w >= 0 of  w'Kw / 2 - sum(w),      maximum = sum(w),      p = w / maximum

The optimum is where w >= 0, Kw >= 1 and one of the two is tight in every row. Block principal pivoting finds the rows
that carry weight by exchanging all wrong ones at once, and falls back to one exchange at a time when that does not make
progress, which ends for every positive definite K (Judice and Pires 1994, Computers & OR 21:587; Portugal, Judice and
Vicente 1994, Math. Comp. 63:625).

Large kernels are solved from a few rows on: the rows that the solution does not cover (Kw < 1) join them until there is
none, and then it is the optimum of all. Linear systems are solved by conjugate gradients where these take fewer
operations than a factor does, which is so unless many pictures are nearly equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Mask = NDArray[np.bool_]

JITTER = 1e-8  # on the diagonal: equal pictures make K singular; this costs the number less than 1e-8 of itself
TOLERANCE = 1e-9  # of w >= 0 and Kw >= 1; below the jitter, above float64 noise of sums over some thousand rows. The
# number is then within 2e-9 of the maximum, since no mixture has more than number / (2 min(Kw) - 1)
PATIENCE = 5  # block exchanges without progress before single ones; Portugal et al. use 3 to 10
MAX_PIVOTS = 400  # then the slower method that cannot cycle; sets of pictures need 3 to 15
DIRECT = 640  # rows up to which all are taken at once, and factored: 3 ms on one core
JOINING = 512  # uncovered rows that join at once, or as many as carry weight already
RESIDUAL = 3e-10  # largest |Kw - 1| at which conjugate gradients stop
STEPS = 25  # rows for each step that conjugate gradients may take: then they have cost what two factors cost


def maximum_diversity(K: Floats, start: Mask | None = None) -> tuple[float, Floats]:
    """The maximum diversity of kernel `K`, and the weight of each row: how many effective pictures it is.

    `K` is symmetric positive semidefinite float64 [N, N] with unit diagonal and entries 0-1. `start` guesses the rows
    that carry weight; it changes the time, not the answer. Gives (value in 1..N, weights [N] >= 0 that sum to it);
    (0, []) for no rows.
    """
    n = len(K)
    if n == 0:
        return 0.0, np.zeros(0)
    weights = _by_joining(K, _first(n, start))
    if weights is None:
        weights = _non_negative_least_squares(K)
    weights = np.maximum(weights, 0.0)
    total = float(weights.sum())
    value = total * total / float(weights @ _product(K, weights))  # 1 / p'Kp: true for these weights, rounding or not
    value = min(max(value, 1.0), float(n))
    return value, weights * (value / total)


def _first(n: int, start: Mask | None) -> Mask:
    """The rows to begin with."""
    if start is not None and start.any():
        return start.copy()
    first = np.zeros(n, dtype=bool)
    first[:: 1 if n <= DIRECT else -(-2 * n // DIRECT)] = True
    return first


def _by_joining(K: Floats, open_: Mask) -> Floats | None:
    """The optimal weights, from those of the `open_` rows on; None when the pivots run out."""
    solver = _Solver(K)
    support = open_
    while True:
        found = _pivot(solver, support, open_)
        if found is None:
            return None
        weights, slack = found
        missed = np.flatnonzero(~open_ & (slack < -TOLERANCE))
        if len(missed) == 0:
            return weights
        support = weights > 0
        most = max(JOINING, int(support.sum()))
        joining = missed[np.argsort(slack[missed], kind="stable")[:most]]
        open_ = open_.copy()
        open_[joining] = True
        support[joining] = True


def _pivot(solver: _Solver, support: Mask, open_: Mask) -> tuple[Floats, Floats] | None:
    """(weights, Kw - 1) by block principal pivoting from `support`, only `open_` rows being exchanged; or None."""
    fewest, patience = len(support) + 1, PATIENCE
    for _ in range(MAX_PIVOTS):
        weights, slack = solver(support)
        wrong = np.where(support, weights < -TOLERANCE, open_ & (slack < -TOLERANCE))
        count = int(wrong.sum())
        if count == 0:
            return weights, slack
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


class _Solver:
    """Weights with Kw = 1 on some rows and 0 elsewhere, each solved from those before."""

    def __init__(self, K: Floats) -> None:
        self.K = K
        self.weights = np.zeros(len(K))
        self.factored = len(K)  # rows from which conjugate gradients gave up

    def __call__(self, support: Mask) -> tuple[Floats, Floats]:
        """(weights, Kw - 1): 0 outside the support, and 0 on it."""
        rows = np.flatnonzero(support)
        weights = np.zeros(len(self.K))
        if len(rows) == 0:
            return weights, np.full(len(self.K), -1.0)
        found = None
        if DIRECT < len(rows) <= self.factored:
            found = _by_gradients(self.K, rows, self.weights[rows])
            if found is None:
                self.factored = len(rows) // 2
        weights[rows] = self._by_factor(rows) if found is None else found
        slack = _product(self.K, weights) - 1.0
        slack[rows] = 0.0
        self.weights = weights
        return weights, slack

    def _by_factor(self, rows: Rows) -> Floats:
        from scipy.linalg import cho_factor, cho_solve

        inner = self.K[np.ix_(rows, rows)]
        inner.flat[:: len(rows) + 1] += JITTER
        factor = cho_factor(inner, lower=True, overwrite_a=True, check_finite=False)
        weights: Floats = cho_solve(factor, np.ones(len(rows)), overwrite_b=True, check_finite=False)
        return weights


def _by_gradients(K: Floats, rows: Rows, weights: Floats) -> Floats | None:
    """Weights with Kw = 1 on `rows` by conjugate gradients (Hestenes and Stiefel 1952) from `weights`, or None where
    they take too long."""
    inner = K if len(rows) == len(K) else K[np.ix_(rows, rows)]
    weights = weights.copy()
    residual = 1.0 - inner @ weights - JITTER * weights
    direction, squared = residual.copy(), float(residual @ residual)
    for _ in range(len(rows) // STEPS):
        if np.abs(residual).max() <= RESIDUAL:
            return weights
        product = inner @ direction + JITTER * direction
        step = squared / float(direction @ product)
        weights += step * direction
        residual -= step * product
        before, squared = squared, float(residual @ residual)
        direction = residual + (squared / before) * direction
    return None


def _product(K: Floats, weights: Floats) -> Floats:
    """Kw, for the price of the rows that carry weight."""
    held = np.flatnonzero(weights)
    product: Floats = K @ weights if 2 * len(held) > len(K) else weights[held] @ K[held]
    return product


def _non_negative_least_squares(K: Floats) -> Floats:
    """The same optimum as min |L'w - L^-1 1| over w >= 0, with K = LL': slow, and cannot cycle."""
    from scipy.linalg import cholesky, solve_triangular
    from scipy.optimize import nnls

    lower = cholesky(K + JITTER * np.eye(len(K)), lower=True)
    target = solve_triangular(lower, np.ones(len(K)), lower=True)
    weights: Floats = nnls(lower.T, target, maxiter=30 * len(K))[0]
    return weights
