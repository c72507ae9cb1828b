"""Whole repeats that come near a wanted ratio without making an epoch needlessly long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST = 12  # passes of a lone picture in an epoch: it holds halves, thirds, quarters and sixths exactly
CLOSE = 0.1  # largest deviation from the wanted ratio for which a longer epoch is not worth it


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Whole repeats for a ratio."""

    factor: int  # repeats of what is wanted once
    repeats: tuple[int, ...]
    worst: float  # largest deviation from the wanted ratio; 0.5 is half as much again, or a third less


def whole(wanted: Sequence[float], most: int = MOST) -> tuple[Whole, ...]:
    """Repeats for exposures in the ratio `wanted` (> 0), the one to take first, then those with shorter epochs.

    The first is the smallest factor that stays within 10 %, else the one that comes nearest.
    """
    found = [_rounded(wanted, factor) for factor in range(1, max(1, most) + 1)]
    best = next((one for one in found if one.worst <= CLOSE), None)
    best = best or min(found, key=lambda one: (round(one.worst, 9), one.factor))
    shorter = [one for one in found if one.factor < best.factor]
    return (best, *sorted(shorter, key=lambda one: (round(one.worst, 9), one.factor)))


def _rounded(wanted: Sequence[float], factor: int) -> Whole:
    repeats = tuple(max(1, int(factor * share + 0.5)) for share in wanted)
    ratios = [got / (factor * share) for got, share in zip(repeats, wanted, strict=True)]
    return Whole(factor=factor, repeats=repeats, worst=max((max(one, 1 / one) - 1 for one in ratios), default=0.0))
