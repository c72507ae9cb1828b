"""What a set lacks: views, heights and framings that are missing or thin, and pairs of them that never meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from curate.diversity import targets
from curate.records import FRAMINGS, Framing, Gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from curate.diversity.targets import Targets

SHORT = 0.5  # share of a framing's target below which it is a gap
# Worths of gaps, against 1 for a missing front view; our own order, by how much a prompt that asks for it is guessed
ENOUGH = 0.75  # of an effective image: a lone photograph of a varied set weighs .8 to 1, and is no gap
THIN = 0.5  # of a view that a photograph shows, but less than one effective image
FRAMING = 0.8  # of a framing that is missing altogether
HEIGHT = 0.45  # of "from above" or "from below"
CELL = 0.4  # of a view in a framing that both exist, but not together, against a view that is missing
WORDS: dict[Framing, str] = {
    "close_up": "close-up",
    "upper_body": "upper body",
    "three_quarter": "three-quarter body",
    "full_body": "full body",
}


@dataclass(frozen=True, slots=True)
class Masses:
    """Effective images of each kind, and how many photographs show it."""

    yaw: NDArray[np.float64]  # [bins]
    pitch: NDArray[np.float64]  # [3]
    framing: NDArray[np.float64]  # [4]
    matrix: NDArray[np.float64]  # [bins, 4]
    seen: NDArray[np.intp]  # [bins] photographs
    pitched: NDArray[np.intp]  # [3] photographs
    unknown: float  # share


def find(wish: Targets, masses: Masses, *, folded: bool) -> Iterator[Gap]:
    """Everything that is missing or thin."""
    names = targets.names(folded=folded)
    for at in targets.wanted(wish, folded=folded):
        has = float(masses.yaw[at])
        missing = not masses.seen[at]
        if has >= ENOUGH * targets.VIEW_IMAGES:
            continue
        usual = targets.usual(at, folded=folded)
        yield Gap(
            name=names[at],
            kind="view",
            has=has,
            wants=targets.VIEW_IMAGES,
            worth=usual * (1.0 - has / targets.VIEW_IMAGES) * (1.0 if missing else THIN),
            why="no picture shows this view, so it will be guessed" if missing else "less than one effective image",
            missing=missing,
            yaw_bin=at,
        )
    for height in wish.pitches:
        at = targets.PITCHES.index(height)
        if not masses.pitched[at]:
            yield Gap(
                name=height,
                kind="height",
                has=0.0,
                wants=targets.VIEW_IMAGES,
                worth=HEIGHT,
                why="no picture, so prompts that ask for it will be guessed",
                missing=True,
                pitch_bin=at,
            )
    yield from _framings(wish, masses, folded=folded)


def _framings(wish: Targets, masses: Masses, *, folded: bool) -> Iterator[Gap]:
    total = float(masses.framing.sum())
    lacking: set[Framing] = set()
    for group, share in wish.framings.items():
        has = float(sum(masses.framing[FRAMINGS.index(one)] for one in group))
        wants = share * total
        if total > 0 and has < SHORT * wants:
            lacking.update(group)
            yield Gap(
                name=" or ".join(WORDS[one] for one in group),
                kind="framing",
                has=has,
                wants=wants,
                worth=FRAMING * (1.0 - has / wants),
                why=f"{100 * has / total:.0f} % of the set, {100 * share:.0f} % wanted",
                missing=has == 0,
                framings=group,
            )
    for at in targets.wanted(wish, folded=folded):
        for group in wish.framings:
            together = any(masses.matrix[at, FRAMINGS.index(one)] > 0 for one in group)
            if masses.seen[at] and lacking.isdisjoint(group) and not together:
                yield Gap(
                    name=f"{' or '.join(WORDS[one] for one in group)}, {targets.names(folded=folded)[at]}",
                    kind="cell",
                    has=0.0,
                    wants=targets.VIEW_IMAGES,
                    worth=CELL * targets.usual(at, folded=folded),
                    why="both are there, but not together",
                    missing=True,
                    yaw_bin=at,
                    framings=group,
                )
