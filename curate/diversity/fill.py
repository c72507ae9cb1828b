"""What to add to a set: picks from a pool that add the most and close the largest gaps.

Worth of a set S: log det(I + K) of its kernel, in units of log 2, which grows by 1 for a picture unlike all others and by
nothing for a copy, and the worth of the gaps that are closed, each up to what it wants. Both are monotone and submodular,
so picking the best one after another reaches at least 1 - 1/e of what the best N would (Nemhauser, Wolsey and Fisher
1978). The log-determinant stands in for effective images, whose maximum is not known to be submodular; they are counted
anew after each pick and shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curate.diversity import effective, targets
from curate.records import FRAMINGS, Coverage, Gap, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELIABLE = 0.5  # confidence of a view from which it may close a gap


@dataclass(frozen=True, slots=True, kw_only=True)
class FillInputs:
    """A set, what it lacks, and a pool. The set's rows are photographs without their copies."""

    embeddings: NDArray[np.float32]  # [N, D] of the set
    coverage: Coverage  # of the set
    pool: NDArray[np.float32]  # [P, D]
    pool_views: Sequence[View | None]  # [P]
    eligible: Sequence[bool]  # [P] False: poor, or a copy of the set or of a better one in the pool
    u: float  # similarity scale: 1 - half similarity


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One picture that was picked."""

    row: int  # of the pool
    effective_images_after: float  # of the set and all picks up to this one
    gain: float  # worth that it added, see the module
    closes: tuple[str, ...]  # names of the gaps that it helps to close
    views_seen_after: int  # of the wanted views


def fill(inputs: FillInputs, count: int, progress: Callable[[int, int], None] | None = None) -> tuple[Pick, ...]:
    """Up to `count` picks, best first; fewer where nothing that is left adds anything."""
    open_ = {gap: 0.0 for gap in inputs.coverage.gaps}
    fits = [_fits(view, inputs.coverage) for view in inputs.pool_views]
    novelty = _Novelty(inputs)
    left = [row for row, good in enumerate(inputs.eligible) if good]
    seen = {gap.name for gap in inputs.coverage.gaps if gap.kind == "view" and gap.why.startswith("no ")}
    views = inputs.coverage.views_seen
    picks: list[Pick] = []
    chosen: list[int] = []
    while left and len(picks) < count:
        gains = np.array([novelty.gain(row) + sum(_closing(gap, open_[gap]) for gap in fits[row]) for row in left])
        best = int(gains.argmax())
        if gains[best] < 1e-3:
            break
        row = left.pop(best)
        closes = tuple(gap.name for gap in fits[row] if _closing(gap, open_[gap]) > 0)
        for gap in fits[row]:
            open_[gap] += 1.0
        views += len(seen & set(closes))
        seen -= set(closes)
        novelty.add(row)
        chosen.append(row)
        whole = np.concatenate([inputs.embeddings, inputs.pool[chosen]]) if len(inputs.embeddings) else inputs.pool[chosen]
        after = effective.measure(whole, np.arange(len(whole)), inputs.u).effective_images
        picks.append(
            Pick(row=row, effective_images_after=after, gain=float(gains[best]), closes=closes, views_seen_after=views)
        )
        if progress is not None:
            progress(len(picks), count)
    return tuple(picks)


def shot_list(coverage: Coverage) -> tuple[str, ...]:
    """What to photograph or search for, in order of worth: a line each."""
    if not coverage.measured:
        return (coverage.headline,)
    if not coverage.gaps:
        return (f"nothing is missing that a {coverage.preset} set is asked for",)
    return tuple(f"{gap.name}: {_amount(gap)}; {gap.why}" for gap in coverage.gaps)


def _amount(gap: Gap) -> str:
    need = max(1, int(np.ceil(gap.wants - gap.has - 1e-9)))
    return f"{need} picture{'s' if need > 1 else ''}"


def _closing(gap: Gap, added: float) -> float:
    """Worth of one more picture for a gap that `added` pictures were picked for: its share of what is still wanted."""
    lacks = gap.wants - gap.has
    return gap.worth * (min(added + 1.0, lacks) - min(added, lacks)) / lacks if lacks > 0 else 0.0


def _fits(view: View | None, coverage: Coverage) -> tuple[Gap, ...]:
    """The gaps that a picture of this view would help to close."""
    if view is None:
        return ()
    said: set[str] = set()
    framing = view.framing if view.framing_confidence >= RELIABLE else None
    yaw = None
    if view.yaw_deg is not None and view.confidence >= RELIABLE * _surest(view):
        yaw = targets.names(folded=coverage.folded)[targets.bin_of(view.yaw_deg, folded=coverage.folded)]
        said.add(yaw)
    if view.pitch_deg is not None:
        said.add(targets.PITCHES[targets.pitch_bin(view.pitch_deg)])
    return tuple(gap for gap in coverage.gaps if gap.name in said or _framed(gap, yaw, framing))


def _surest(view: View) -> float:
    """The confidence that its source can reach at all: a body tells a back from a front, but hardly 45 degrees."""
    return 0.8 if "body" in view.sources else 1.0


def _framed(gap: Gap, yaw: str | None, framing: str | None) -> bool:
    from curate.diversity.coverage import WORDS

    if framing is None:
        return False
    word = WORDS[FRAMINGS[FRAMINGS.index(framing)]]  # type: ignore[arg-type]
    if gap.kind == "framing":
        return word in gap.name.split(" or ")
    group = "upper body" if framing == "three_quarter" else word
    return gap.kind == "cell" and yaw is not None and gap.name == f"{group}, {yaw}"


class _Novelty:
    """How much each pool picture adds to log det(I + K) of the set and the picks, kept up to date pick by pick.

    The incremental Cholesky factor of Chen, Zhang and Zhou 2018 ("Fast Greedy MAP Inference for DPP").
    """

    def __init__(self, inputs: FillInputs) -> None:
        self._pool = _unit(inputs.pool)
        self._u = inputs.u
        self._left = np.full(len(self._pool), 2.0)  # conditional variances: 1 + K of a picture with itself
        self._rows = np.zeros((0, len(self._pool)))
        known = _unit(inputs.embeddings)
        if len(known):
            inside = effective.kernel(known @ known.T, self._u) + np.eye(len(known))
            across = effective.kernel(known @ self._pool.T, self._u)
            self._rows = np.linalg.solve(np.linalg.cholesky(inside), across)
            self._left -= (self._rows**2).sum(axis=0)

    def gain(self, row: int) -> float:
        """0-1: 1 for a picture unlike all others."""
        return float(np.log2(max(self._left[row], 1.0)))

    def add(self, row: int) -> None:
        across = effective.kernel(self._pool @ self._pool[row], self._u)
        new = (across - self._rows[:, row] @ self._rows) / np.sqrt(self._left[row])
        self._left -= new**2
        self._rows = np.vstack([self._rows, new])


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    vectors = rows.astype(np.float64)
    if not len(vectors):
        return vectors
    unit: NDArray[np.float64] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    return unit
