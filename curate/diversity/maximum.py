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
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Mask = NDArray[np.bool_]
    Product = Callable[[Floats], Floats]

JITTER = 1e-8  # on the diagonal: equal pictures make K singular; this costs the number less than 1e-8 of itself
TOLERANCE = 1e-9  # of w >= 0 and Kw >= 1; below the jitter, above float64 noise of sums over some thousand rows. The
# number is then within 2e-9 of the maximum, since no mixture has more than number / (2 min(Kw) - 1)
PATIENCE = 5  # block exchanges without progress before single ones; Portugal et al. use 3 to 10
MAX_PIVOTS = 400  # then the slower method that cannot cycle; sets of pictures need 3 to 15
DIRECT = 640  # rows up to which all are taken at once, and factored: 3 ms on one core
JOINING = 512  # uncovered rows that join at once, or as many as carry weight already
ROUGH = 1e-4  # the tolerance at first, while the rows that carry weight are looked for
RESIDUAL = 0.3  # of the tolerance: largest |Kw - 1| on the rows that carry weight at which conjugate gradients stop
RECOUNT = 1e-3  # fall of the residual after which it is counted anew in float64; float32 keeps seven digits
NEAR = 0.8  # share of the rows that the last factor must share to speed up conjugate gradients
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
    for tolerance in (ROUGH, TOLERANCE):
        while True:
            solver.tolerance = tolerance
            found = _pivot(solver, support, open_)
            if found is None:
                return None
            support, slack = found
            missed = np.flatnonzero(~open_ & (slack < -tolerance))
            if len(missed) == 0:
                break
            joining = missed[np.argsort(slack[missed], kind="stable")[: max(JOINING, int(support.sum()))]]
            open_, support = open_.copy(), support.copy()
            open_[joining] = support[joining] = True
    return solver.weights


def _pivot(solver: _Solver, support: Mask, open_: Mask) -> tuple[Mask, Floats] | None:
    """(rows that carry weight, Kw - 1) by block principal pivoting, only `open_` rows being exchanged; or None."""
    fewest, patience = len(support) + 1, PATIENCE
    for _ in range(MAX_PIVOTS):
        weights, slack = solver(support)
        wrong = np.where(support, weights < -solver.tolerance, open_ & (slack < -solver.tolerance))
        count = int(wrong.sum())
        if count == 0:
            return support, slack
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
        self.tolerance = TOLERANCE
        self._factored: Rows = np.zeros(0, dtype=np.intp)  # rows of the last factor
        self._factor: tuple[Floats, bool] | None = None
        self._rough: NDArray[np.float32] | None = None

    def __call__(self, support: Mask) -> tuple[Floats, Floats]:
        """(weights, Kw - 1): 0 outside the support, and 0 on it."""
        rows = np.flatnonzero(support)
        weights, slack = np.zeros(len(self.K)), np.full(len(self.K), -1.0)
        if len(rows):
            weights[rows] = self._solved(rows)
            slack = _product(self.K, weights) - 1.0
            slack[rows] = 0.0
        self.weights = weights
        return weights, slack

    def _solved(self, rows: Rows) -> Floats:
        found = None
        if len(rows) > DIRECT:
            found = self._by_gradients(rows)
        return self._by_factor(rows) if found is None else found

    def _by_factor(self, rows: Rows) -> Floats:
        from scipy.linalg import cho_factor

        inner = self.K[np.ix_(rows, rows)]
        inner.flat[:: len(rows) + 1] += JITTER
        self._factored = rows
        self._factor = cho_factor(inner, lower=True, overwrite_a=True, check_finite=False)
        return self._undone(np.ones(len(rows)))

    def _undone(self, product: Floats) -> Floats:
        """What the last factor's matrix makes into `product`."""
        from scipy.linalg import cho_solve

        weights: Floats = cho_solve(self._factor, product, check_finite=False)
        return weights

    def _by_gradients(self, rows: Rows) -> Floats | None:
        """Weights with Kw = 1 on `rows` by conjugate gradients (Hestenes and Stiefel 1952) from the last weights,
        preconditioned by the last factor where it is of much the same rows; None where they take too long.

        Products along the way are float32, which takes a third of the time; what they leave is counted in float64
        from time to time, and decides (van der Vorst and Ye 2000, SIAM J. Sci. Comput. 22:835).
        """
        exactly, roughly = self._products(rows)
        eased = self._preconditioner(rows)
        weights = self.weights[rows]
        residual = 1.0 - exactly(weights) - JITTER * weights
        left = float(np.abs(residual).max())
        direction, squared = np.zeros(len(rows)), 1.0
        for _ in range(len(rows) // STEPS):
            if left <= RESIDUAL * self.tolerance:
                return weights
            better = eased(residual)
            before, squared = squared, float(residual @ better)
            direction = better + (squared / before) * direction
            product = roughly(direction)
            along = float(direction @ product)
            if along <= 0:  # rounding makes equal pictures look like that
                return None
            weights = weights + squared / along * direction
            residual = residual - squared / along * product
            now = float(np.abs(residual).max())
            if now <= max(RECOUNT * left, RESIDUAL * self.tolerance):
                residual = 1.0 - exactly(weights) - JITTER * weights
                left = float(np.abs(residual).max())
        return None

    def _products(self, rows: Rows) -> tuple[Product, Product]:
        """What multiplies by the rows' kernel: exactly, and in float32."""
        if 2 * len(rows) <= len(self.K):
            inner = self.K[np.ix_(rows, rows)]
            small = inner.astype(np.float32)
            return lambda vector: inner @ vector, lambda vector: (small @ vector.astype(np.float32)).astype(np.float64)
        if self._rough is None:
            self._rough = self.K.astype(np.float32)
        rough = self._rough

        return lambda vector: _on(self.K, rows, vector), lambda vector: _on(rough, rows, vector)

    def _preconditioner(self, rows: Rows) -> Product:
        shared, here, there = np.intersect1d(rows, self._factored, assume_unique=True, return_indices=True)
        if len(shared) < NEAR * max(len(rows), len(self._factored)):
            return lambda residual: residual
        padded = np.zeros(len(self._factored))

        def eased(residual: Floats) -> Floats:
            padded[there] = residual[here]
            better = residual.copy()
            better[here] = self._undone(padded)[there]
            return better

        return eased


def _on(K: NDArray[np.floating], rows: Rows, vector: Floats) -> Floats:
    """The product of the rows' kernel and a vector, without a copy of the kernel and in its precision."""
    whole = np.zeros(len(K), dtype=K.dtype)
    whole[rows] = vector
    return np.asarray((K @ whole)[rows], dtype=np.float64)


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
