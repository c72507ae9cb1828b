"""A small part of a set that keeps the most of it: each picture the one that adds the most to those before it.

It is `fill` with the set itself as pool and nothing to begin with: what a picture adds is how much of the whole set's
diversity it covers anew, and the worth of the views that nothing before it shows. What each size keeps is counted anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from curate.diversity import coverage, effective, gaps, targets
from curate.diversity.coverage import CoverageInputs
from curate.diversity.fill import FillInputs, greedy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.records import Coverage, View

SIZES = (5, 10, 20, 50)  # pictures at which the curve is drawn, and their multiples by tens


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitInputs:
    """The set, row by row, in an order that does not depend on how its files are listed."""

    embeddings: NDArray[np.float32]  # [N, D]
    views: Sequence[View | None]  # [N]; None: not known
    u: float  # similarity scale: 1 - half similarity
    preset: str = "character"
    folded: bool = False  # left and right count as one
    weights: NDArray[np.float64] | None = None  # [N] of the set's maximum diversity, if it was measured before
    effective_images: float | None = None  # of the set, likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What so many pictures keep."""

    pictures: int
    effective_images: float
    views_seen: int | None  # of the wanted ones; None: not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A part of the set, and what parts of other sizes would keep."""

    rows: tuple[int, ...]  # best first
    curve: tuple[Size, ...]  # by size; the last is the whole set
    views_wanted: int


def limit(inputs: LimitInputs, count: int) -> Limit:
    """The `count` rows that keep the most effective images and views. `count` is 1 to the number of rows."""
    n = len(inputs.embeddings)
    if not 1 <= count <= n:
        raise ValueError(f"count: expected 1 to {n}, got {count}")
    whole = _coverage(inputs, range(n))
    wanted = FillInputs(
        embeddings=inputs.embeddings[:0],
        coverage=_nothing_yet(whole),
        pool=inputs.embeddings,
        pool_views=inputs.views,
        eligible=[True] * n,
        u=inputs.u,
        weights=inputs.weights,
    )
    rows = tuple(choice.row for choice in islice(greedy(wanted), count))
    sizes = sorted({size for size in _sizes(count) if size < count} | {count})
    curve = [_kept(inputs, rows[:size]) for size in sizes]
    if count < n:
        curve.append(_kept(inputs, range(n)))
    return Limit(rows=rows, curve=tuple(curve), views_wanted=whole.views_wanted if whole.measured else 0)


def _sizes(count: int) -> list[int]:
    found, tens = list(SIZES), 10
    while found[-1] < count:
        found += [tens * size for size in SIZES[1:]]
        tens *= 10
    return found


def _kept(inputs: LimitInputs, rows: Sequence[int]) -> Size:
    part = inputs.embeddings[list(rows)]
    seen = _coverage(inputs, rows)
    known = inputs.effective_images if len(rows) == len(inputs.embeddings) else None
    if known is None:
        own = np.arange(len(part))
        known = effective.measure(part, own, inputs.u, own).effective_images
    return Size(
        pictures=len(rows),
        effective_images=known,
        views_seen=seen.views_seen if seen.measured and seen.views_wanted else None,
    )


def _coverage(inputs: LimitInputs, rows: Sequence[int]) -> Coverage:
    """The views of some rows, each counted as one picture."""
    count = len(rows)
    return coverage.measure(
        CoverageInputs(
            views=[inputs.views[row] for row in rows],
            weights=np.ones(count),
            captions=[None] * count,
            scene=np.zeros(count, dtype=np.intp),
            preset=inputs.preset,
            folded=inputs.folded,
        )
    )


def _nothing_yet(whole: Coverage) -> Coverage:
    """The coverage of no picture at all: every wanted view is a gap, where views were measured."""
    if not whole.measured:
        return whole
    masses = gaps.Masses(
        np.zeros_like(whole.yaw),
        np.zeros_like(whole.pitch),
        np.zeros_like(whole.framing),
        np.zeros_like(whole.matrix),
        np.zeros(len(whole.yaw), dtype=np.intp),
        np.zeros(len(whole.pitch), dtype=np.intp),
        0.0,
    )
    lacking = tuple(gaps.find(targets.TARGETS[whole.preset], masses, folded=whole.folded))
    return replace(whole, gaps=lacking, views_seen=0)
