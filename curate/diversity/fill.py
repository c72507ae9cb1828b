"""What to add to a set: picks from a pool that add the most and close the largest gaps.

Worth of a set S: how much of the diversity of set and pool together it covers, and the worth of the gaps that it
closes, each up to what it wants. The first is the sum over all pictures j of w_j max over S of K_ij: w are the weights
of the maximum diversity of set and pool, K is its kernel. A copy adds 0 and a picture unlike all others 1, however many
copies of either the pool holds. Both parts are monotone and submodular, so picking the best one after another reaches
at least 1 - 1/e of what the best N would (Nemhauser, Wolsey and Fisher 1978). Effective images, whose maximum is not
known to be submodular, are counted anew after each pick and shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from curate.diversity import effective, targets
from curate.records import Coverage, Gap, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELIABLE = 0.5  # confidence of a view or framing from which it may close a gap
FOR_BACKS = 0.3  # of a view from the body, that tells a back from a front but hardly 45 degrees: it reaches .45
BLOCK = 1024  # rows whose kernel is held at once: 32 MB for 4,000 that are asked for
AT_ONCE = 32  # rows whose gain is asked anew together, since the first of them seldom is the best one
LEAST = 1e-3  # worth below which nothing more is picked


@dataclass(frozen=True, slots=True, kw_only=True)
class FillInputs:
    """A set, what it lacks, and a pool. The set's rows are photographs without their copies."""

    embeddings: NDArray[np.float32]  # [N, D] of the set
    coverage: Coverage  # of the set
    pool: NDArray[np.float32]  # [P, D]
    pool_views: Sequence[View | None]  # [P]
    eligible: Sequence[bool]  # [P] False: poor, or a copy of the set or of a better one in the pool
    u: float  # similarity scale: 1 - half similarity
    weights: NDArray[np.float64] | None = None  # [N + P] of the maximum diversity of both; None: counted here


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One picture that was picked."""

    row: int  # of the pool
    effective_images_after: float  # of the set and all picks up to this one
    gain: float  # worth that it added, see the module
    closes: tuple[str, ...]  # names of the gaps that it helps to close
    views_seen_after: int  # of the wanted views


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One picture in the order of `greedy`; fields as those of `Pick`."""

    row: int
    gain: float
    closes: tuple[str, ...]
    views_seen_after: int


def fill(inputs: FillInputs, count: int, progress: Callable[[int, int], None] | None = None) -> tuple[Pick, ...]:
    """Up to `count` picks, best first; fewer where nothing that is left adds anything."""
    picks: list[Pick] = []
    for choice in islice(greedy(inputs), count):
        if choice.gain < LEAST:
            break
        chosen = inputs.pool[[*(pick.row for pick in picks), choice.row]]
        whole = np.concatenate([inputs.embeddings, chosen]) if len(inputs.embeddings) else chosen
        picks.append(
            Pick(
                row=choice.row,
                effective_images_after=effective.measure(whole, np.arange(len(whole)), inputs.u).effective_images,
                gain=choice.gain,
                closes=choice.closes,
                views_seen_after=choice.views_seen_after,
            )
        )
        if progress is not None:
            progress(len(picks), count)
    return tuple(picks)


def greedy(inputs: FillInputs) -> Iterator[Choice]:
    """All eligible pictures of the pool, each the one that is worth the most after those before it."""
    gaps, novelty = _Gaps(inputs), _Novelty(inputs)
    left = [row for row, good in enumerate(inputs.eligible) if good]
    first = novelty.gains(left) + gaps.gains(left)
    bounds = [(-float(gain), row) for gain, row in zip(first, left, strict=True)]  # a gain never grows (Minoux 1978)
    heapify(bounds)
    fresh = set(left)  # rows whose bound is their gain
    while bounds:
        if bounds[0][1] not in fresh:
            asked = [heappop(bounds)[1] for _ in range(min(AT_ONCE, len(bounds)))]
            for row, gain in zip(asked, novelty.gains(asked) + gaps.gains(asked), strict=True):
                heappush(bounds, (-float(gain), row))
            fresh.update(asked)
            continue
        gain, row = -bounds[0][0], heappop(bounds)[1]
        fresh.clear()
        closes = gaps.add(row)
        novelty.add(row)
        yield Choice(row=row, gain=gain, closes=closes, views_seen_after=gaps.views_seen)


def shot_list(coverage: Coverage) -> tuple[str, ...]:
    """What to photograph or search for, in order of worth: a line each."""
    if not coverage.measured:
        return (coverage.headline,)
    if not coverage.gaps:
        return (f"nothing is missing that a {coverage.preset} set is asked for",)
    shots: dict[str, list[Gap]] = {}  # framings that one view lacks are one line, in the place of the worthiest
    for gap in coverage.gaps:
        shots.setdefault(gap.name if gap.kind != "cell" else f"cell {gap.yaw_bin}", []).append(gap)
    return tuple(_shot(gaps, coverage) for gaps in shots.values())


def _shot(gaps: Sequence[Gap], coverage: Coverage) -> str:
    """One line: the gap, or the framings that a view lacks."""
    first = gaps[0]
    if first.kind == "cell" and first.yaw_bin is not None:
        framings = " and as ".join(gap.name.partition(",")[0] for gap in gaps)
        view = targets.names(folded=coverage.folded)[first.yaw_bin]
        return f"{view} as {framings}: there only in other framings"
    need = int(np.ceil(first.wants - first.has - 1e-9))
    return f"{first.name}: {f'{need} more pictures; ' if need > 1 else ''}{first.why}"


class _Gaps:
    """The worth of the gaps that each pool picture would close, kept up to date pick by pick."""

    def __init__(self, inputs: FillInputs) -> None:
        self._gaps = inputs.coverage.gaps
        self._fits = [_fits(view, inputs.coverage) for view in inputs.pool_views]  # numbers of gaps
        self._added = [0.0] * len(self._gaps)
        self.views_seen = inputs.coverage.views_seen

    def gains(self, rows: Sequence[int]) -> NDArray[np.float64]:
        return np.array([sum(self._closing(at) for at in self._fits[row]) for row in rows], dtype=np.float64)

    def add(self, row: int) -> tuple[str, ...]:
        """The names of the gaps that the picture helps to close."""
        helped = [at for at in self._fits[row] if self._closing(at) > 0]
        for at in helped:
            gap = self._gaps[at]
            self.views_seen += gap.kind == "view" and gap.missing and self._added[at] == 0
            self._added[at] += 1.0
        return tuple(self._gaps[at].name for at in helped)

    def _closing(self, at: int) -> float:
        """Worth of one more picture for a gap: the share of what is still wanted that it brings."""
        gap, added = self._gaps[at], self._added[at]
        lacks = gap.wants - gap.has
        return gap.worth * (min(added + 1.0, lacks) - min(added, lacks)) / lacks if lacks > 0 else 0.0


def _fits(view: View | None, coverage: Coverage) -> tuple[int, ...]:
    """The numbers of the gaps that a picture of this view would help to close."""
    if view is None:
        return ()
    sure = view.yaw_deg is not None and view.confidence >= (FOR_BACKS if "body" in view.sources else RELIABLE)
    yaw = targets.bin_of(view.yaw_deg, folded=coverage.folded) if sure and view.yaw_deg is not None else None
    pitch = None if view.pitch_deg is None else targets.pitch_bin(view.pitch_deg)
    framing = view.framing if view.framing_confidence >= RELIABLE else None
    return tuple(
        at
        for at, gap in enumerate(coverage.gaps)
        if gap.yaw_bin in (None, yaw)
        and gap.pitch_bin in (None, pitch)
        and (not gap.framings or framing in gap.framings)
    )


class _Novelty:
    """How much of the diversity of set and pool each pool picture would cover anew, kept up to date pick by pick."""

    def __init__(self, inputs: FillInputs) -> None:
        known, pool = effective.unit(inputs.embeddings), effective.unit(inputs.pool)
        every = np.concatenate([known, pool]) if len(known) else pool
        weights = inputs.weights
        if weights is None:
            rows = np.arange(len(every))
            rows[len(known) :][~np.asarray(inputs.eligible, dtype=bool)] = -1  # what cannot be picked is not asked for
            weights = effective.measure(every.astype(np.float32), rows, inputs.u).weights
        asked = np.flatnonzero(weights)
        self._weights, self._asked, self._pool, self._u = weights[asked], every[asked], pool, inputs.u
        self._covered = np.zeros(len(asked))
        for start in range(0, len(known), BLOCK):
            near = effective.kernel(known[start : start + BLOCK] @ self._asked.T, self._u)
            np.maximum(self._covered, near.max(axis=0), out=self._covered)

    def gains(self, rows: Sequence[int]) -> NDArray[np.float64]:
        """Of each row: effective images that are covered anew."""
        parts = [np.zeros(0)]
        for start in range(0, len(rows), BLOCK):
            near = self._near(rows[start : start + BLOCK])
            parts.append(np.maximum(near - self._covered, 0.0) @ self._weights)
        more: NDArray[np.float64] = np.concatenate(parts)
        return more

    def add(self, row: int) -> None:
        np.maximum(self._covered, self._near([row])[0], out=self._covered)

    def _near(self, rows: Sequence[int]) -> NDArray[np.float64]:
        """Kernel of pool rows and what is asked for, [rows, asked]: a block at a time, never all pairs."""
        return effective.kernel(self._pool[list(rows)] @ self._asked.T, self._u)
