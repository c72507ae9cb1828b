"""Which views and framings a set holds, and which it lacks.

A bin's mass is the sum of its pictures' weights, so copies inflate nothing. A view is seen when a photograph shows it;
it is thin while its mass is below one effective image. Pictures whose view is not known are counted as unknown, and
when they are too many nothing is concluded.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.diversity import scenes, targets
from curate.records import FRAMINGS, Coverage, Framing, Gap, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from curate.diversity.targets import Targets

MOST_UNKNOWN = 0.3  # share of the mass without a view beyond which there is no verdict
SHORT = 0.5  # share of a framing's target below which it is a gap
HEAVY = 0.5  # share of one view from which it is a finding
# Worths of gaps, against 1 for a missing front view; our own order, by how much a prompt that asks for it is guessed
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageInputs:
    """A set as coverage sees it, row by row; only photographs of the subject, no copies, no regularisation pictures."""

    views: Sequence[View | None]  # None: not measured
    weights: NDArray[np.float64]  # [N] effective images of each
    captions: Sequence[str | None]
    scene: NDArray[np.intp]  # [N] of scenes.clusters
    preset: str = "character"  # of targets.TARGETS
    folded: bool = False  # left and right count as one


@dataclass(frozen=True, slots=True)
class _Masses:
    yaw: NDArray[np.float64]  # [bins]
    pitch: NDArray[np.float64]  # [3]
    framing: NDArray[np.float64]  # [4]
    matrix: NDArray[np.float64]  # [bins, 4]
    seen: NDArray[np.intp]  # [bins] photographs
    pitched: NDArray[np.intp]  # [3] photographs
    unknown: float  # share


def measure(inputs: CoverageInputs) -> Coverage:
    """What the set holds and lacks. Raises KeyError for a preset that there is none of."""
    wish = targets.TARGETS[inputs.preset]
    masses = _masses(inputs)
    wanted = targets.wanted(wish, folded=inputs.folded)
    measured = any(view is not None for view in inputs.views) and masses.unknown <= MOST_UNKNOWN
    arc = _largest_arc(inputs, wish) if measured and wanted else None
    gaps = tuple(sorted(_gaps(inputs, wish, masses), key=lambda gap: (-gap.worth, gap.name))) if measured else ()
    found = scenes.findings(inputs.scene, inputs.captions)
    if measured and wanted:
        found = (*_heavy(inputs, masses), *found)
    return Coverage(
        measured=measured,
        headline=_headline(inputs, masses, wanted, arc) if measured else _why_not(inputs, masses),
        preset=inputs.preset,
        folded=inputs.folded,
        yaw=masses.yaw,
        pitch=masses.pitch,
        framing=masses.framing,
        matrix=masses.matrix,
        unknown=masses.unknown,
        views_seen=sum(bool(masses.seen[b]) for b in wanted),
        views_wanted=len(wanted),
        largest_gap_deg=arc[0] if arc else None,
        gaps=gaps,
        scenes=len(np.unique(inputs.scene)),
        scene_evenness=scenes.evenness(inputs.scene, inputs.weights),
        findings=found,
    )


def as_json(coverage: Coverage) -> dict[str, Any]:
    """The same as plain values; null where nothing was measured."""
    known = coverage.measured
    return {
        "measured": known,
        "headline": coverage.headline,
        "preset": coverage.preset,
        "target_source": targets.TARGETS[coverage.preset].source,
        "mirrored_counts_as_one": coverage.folded,
        "views_seen": coverage.views_seen if known else None,
        "views_wanted": coverage.views_wanted,
        "largest_gap_deg": coverage.largest_gap_deg,
        "unknown_share": round(coverage.unknown, 4),
        "yaw": _named(targets.names(folded=coverage.folded), coverage.yaw) if known else None,
        "pitch": _named(targets.PITCHES, coverage.pitch) if known else None,
        "framing": _named(FRAMINGS, coverage.framing) if known else None,
        "matrix": {
            name: _named(FRAMINGS, row)
            for name, row in zip(targets.names(folded=coverage.folded), coverage.matrix, strict=True)
        }
        if known
        else None,
        "gaps": [_gap(gap) for gap in coverage.gaps],
        "scenes": coverage.scenes,
        "scene_evenness": round(coverage.scene_evenness, 4),
        "findings": list(coverage.findings),
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "name": gap.name,
        "kind": gap.kind,
        "has": round(gap.has, 3),
        "wants": round(gap.wants, 3),
        "worth": round(gap.worth, 3),
        "missing": gap.missing,
        "why": gap.why,
    }


def _masses(inputs: CoverageInputs) -> _Masses:
    bins = len(targets.names(folded=inputs.folded))
    yaw, pitch, framing, matrix = np.zeros(bins), np.zeros(3), np.zeros(4), np.zeros((bins, 4))
    seen, pitched = np.zeros(bins, dtype=np.intp), np.zeros(3, dtype=np.intp)
    for view, weight in zip(inputs.views, inputs.weights, strict=True):
        if view is None:
            continue
        at = None if view.yaw_deg is None else targets.bin_of(view.yaw_deg, folded=inputs.folded)
        near = None if view.framing is None else FRAMINGS.index(view.framing)
        if at is not None:
            yaw[at] += weight
            seen[at] += 1
        if view.pitch_deg is not None:
            pitch[targets.pitch_bin(view.pitch_deg)] += weight
            pitched[targets.pitch_bin(view.pitch_deg)] += 1
        if near is not None:
            framing[near] += weight
        if at is not None and near is not None:
            matrix[at, near] += weight
    total = float(np.sum(inputs.weights))
    unknown = 1.0 if total <= 0 else max(0.0, 1.0 - float(yaw.sum()) / total)
    return _Masses(yaw, pitch, framing, matrix, seen, pitched, unknown)


def _gaps(inputs: CoverageInputs, wish: Targets, masses: _Masses) -> Iterator[Gap]:
    """Everything that is missing or thin."""
    names = targets.names(folded=inputs.folded)
    for at in targets.wanted(wish, folded=inputs.folded):
        has = float(masses.yaw[at])
        missing = not masses.seen[at]
        if has >= targets.VIEW_IMAGES:
            continue
        usual = targets.usual(at, folded=inputs.folded)
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
    yield from _framing_gaps(inputs, wish, masses)


def _framing_gaps(inputs: CoverageInputs, wish: Targets, masses: _Masses) -> Iterator[Gap]:
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
    for at in targets.wanted(wish, folded=inputs.folded):
        for group in wish.framings:
            together = any(masses.matrix[at, FRAMINGS.index(one)] > 0 for one in group)
            if masses.seen[at] and lacking.isdisjoint(group) and not together:
                yield Gap(
                    name=f"{' or '.join(WORDS[one] for one in group)}, {targets.names(folded=inputs.folded)[at]}",
                    kind="cell",
                    has=0.0,
                    wants=targets.VIEW_IMAGES,
                    worth=CELL * targets.usual(at, folded=inputs.folded),
                    why="both are there, but not together",
                    missing=True,
                    yaw_bin=at,
                    framings=group,
                )


def _heavy(inputs: CoverageInputs, masses: _Masses) -> Iterator[str]:
    """The view that more than half of the set shows."""
    at = int(masses.yaw.argmax())
    share = float(masses.yaw[at] / masses.yaw.sum())
    if share > HEAVY and len(inputs.views) >= scenes.FEW:
        yield f"{100 * share:.0f} % of the set shows one view: {targets.names(folded=inputs.folded)[at]}"


def _largest_arc(inputs: CoverageInputs, wish: Targets) -> tuple[float, float] | None:
    """(width, middle) in degrees of the widest arc of wanted yaws that no picture lies in; None without pictures."""
    reach = wish.reach_deg
    angles = [view.yaw_deg for view in inputs.views if view is not None and view.yaw_deg is not None]
    if inputs.folded:
        angles += [-angle for angle in angles]
    angles = sorted({angle for angle in angles if abs(angle) <= reach + 22.5})
    if not angles:
        return None
    if reach >= 180.0:
        ends = [*angles, angles[0] + 360.0]
    else:
        ends = sorted({-reach, *(min(max(angle, -reach), reach) for angle in angles), reach})
    width, start = max((after - before, before) for before, after in pairwise(ends))
    middle = (start + width / 2 + 180.0) % 360.0 - 180.0
    return width, abs(middle) if inputs.folded else middle


def _headline(inputs: CoverageInputs, masses: _Masses, wanted: Sequence[int], arc: tuple[float, float] | None) -> str:
    if not wanted:
        number = len(np.unique(inputs.scene))
        return f"{number} scene{'s' if number != 1 else ''} (a {inputs.preset} set has no views to cover)"
    parts = [f"views {sum(bool(masses.seen[b]) for b in wanted)} of {len(wanted)}"]
    if arc and arc[0] > 45.0:
        name = targets.names(folded=inputs.folded)[targets.bin_of(arc[1], folded=inputs.folded)]
        parts.append(f"largest gap {arc[0]:.0f}° ({name})")
    none = [name for name in targets.TARGETS[inputs.preset].pitches if not masses.pitched[targets.PITCHES.index(name)]]
    if none:
        parts.append(f"no picture {' or '.join(none)}")
    return " · ".join(parts)


def _why_not(inputs: CoverageInputs, masses: _Masses) -> str:
    if not any(view is not None for view in inputs.views):
        return "views not measured"
    return f"views not measured: {100 * masses.unknown:.0f} % of the set shows no view that can be told"


def _named(names: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in zip(names, values, strict=True)}
