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

from curate.diversity import gaps, scenes, targets
from curate.diversity.gaps import Masses
from curate.records import FRAMINGS, Coverage, Gap, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from curate.diversity.targets import Targets

MOST_UNKNOWN = 0.3  # share of the mass without a view beyond which there is no verdict
HEAVY = 0.5  # share of one view from which it is a finding


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageInputs:
    """A set as coverage sees it, row by row; only photographs of the subject, no copies, no regularisation pictures."""

    views: Sequence[View | None]  # None: not measured
    weights: NDArray[np.float64]  # [N] effective images of each
    captions: Sequence[str | None]
    scene: NDArray[np.intp] | None  # [N] of scenes.clusters; None: not measured
    preset: str = "character"  # of targets.TARGETS
    folded: bool = False  # left and right count as one


def measure(inputs: CoverageInputs) -> Coverage:
    """What the set holds and lacks. Raises KeyError for a preset that there is none of."""
    wish = targets.TARGETS[inputs.preset]
    masses = _masses(inputs)
    wanted = targets.wanted(wish, folded=inputs.folded)
    measured = any(view is not None for view in inputs.views) and masses.unknown <= MOST_UNKNOWN
    arc = _largest_arc(inputs, wish) if measured and wanted else None
    lacking = gaps.find(wish, masses, folded=inputs.folded) if measured else ()
    found_gaps = tuple(sorted(lacking, key=lambda gap: (-gap.worth, gap.name)))
    found = () if inputs.scene is None else scenes.findings(inputs.scene, inputs.captions)
    if measured and wanted:
        found = (*_heavy(inputs, masses), *found)
    return Coverage(
        measured=measured,
        headline=_headline(inputs, masses, wanted, arc) if measured or not wanted else _why_not(inputs, masses),
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
        gaps=found_gaps,
        scenes=None if inputs.scene is None else len(np.unique(inputs.scene)),
        scene_evenness=None if inputs.scene is None else scenes.evenness(inputs.scene, inputs.weights),
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
        "largest_gap_deg": None if coverage.largest_gap_deg is None else round(coverage.largest_gap_deg, 1),
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
        "scene_evenness": None if coverage.scene_evenness is None else round(coverage.scene_evenness, 4),
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


def _masses(inputs: CoverageInputs) -> Masses:
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
    return Masses(yaw, pitch, framing, matrix, seen, pitched, unknown)


def _heavy(inputs: CoverageInputs, masses: Masses) -> Iterator[str]:
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


def _headline(inputs: CoverageInputs, masses: Masses, wanted: Sequence[int], arc: tuple[float, float] | None) -> str:
    if not wanted:
        number = 0 if inputs.scene is None else len(np.unique(inputs.scene))
        told = "scenes not measured" if inputs.scene is None else f"{number} scene{'s' if number != 1 else ''}"
        return f"{told} (a {inputs.preset} set has no views to cover)"
    parts = [f"views {sum(bool(masses.seen[b]) for b in wanted)} of {len(wanted)}"]
    if arc and arc[0] > 45.0:
        name = targets.names(folded=inputs.folded)[targets.bin_of(arc[1], folded=inputs.folded)]
        parts.append(f"largest gap {arc[0]:.0f}° ({name})")
    none = [name for name in targets.TARGETS[inputs.preset].pitches if not masses.pitched[targets.PITCHES.index(name)]]
    if none:
        parts.append(f"no picture {' or '.join(none)}")
    return " · ".join(parts)


def _why_not(inputs: CoverageInputs, masses: Masses) -> str:
    if not inputs.views:
        return "views not measured: there is no picture of a subject"
    if not any(view is not None for view in inputs.views):
        return "views not measured"
    return f"views not measured: {100 * masses.unknown:.0f} % of the set shows no view that can be told"


def _named(names: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in zip(names, values, strict=True)}
