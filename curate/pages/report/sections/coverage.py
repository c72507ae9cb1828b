"""Which views and framings the set holds: a matrix with the pictures in its cells, gaps outlined, the shot list."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import Any

from curate import diversity
from curate.diversity import targets
from curate.pages.report.material import Material, Section
from curate.pages.report.text import sentence
from curate.records import FRAMINGS, Coverage
from curate.stages import inputs

COLUMNS = ("close-up", "upper body", "three-quarter body", "full body")  # as FRAMINGS
FEW = 0.05  # effective images below which a cell counts as empty: it would be printed as 0.0
RADII = (46, 84)  # of the ring, in its own units of 240 across
HALF = 21.0  # degrees to either side of a sector's middle: 1.5 are left as a gap
HOW = (
    "Views are found by small face and body networks: install lora-curate[views], run `curate models get views` once "
    "if this machine is offline, and scan without --views off. Captions that name a view count too."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One view in one framing."""

    mass: float | None  # effective images; None: of pictures without a framing
    rows: tuple[int, ...]  # of the photographs that show it, heaviest first
    gap: str  # what is missing there; "" for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One view."""

    name: str
    mass: float
    wanted: bool
    gap: str  # of the view as a whole; ""
    missing: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sector:
    """A view on the ring."""

    name: str
    mass: float
    path: str  # of SVG, round the origin
    strength: float  # 0-1, how full it is drawn
    gap: bool
    x: float  # of its label
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A framing, or a height, of the whole set."""

    name: str
    mass: float
    share: float  # 0-1 of what is known
    gap: str


def section(material: Material) -> Section:
    found, plain = material.inputs.analysis.coverage, material.scan["coverage"]
    measured = bool(found and found.measured and found.views_wanted)
    return Section(
        name="coverage",
        title="Coverage",
        template="coverage.html",
        data={
            "measured": measured,
            "plain": plain,
            "how": HOW,
            "headline": sentence(plain["headline"]) if plain else "Views were not measured.",
            "findings": [sentence(text) for text in plain["findings"]] if plain else [],
            "shots": [sentence(shot) for shot in diversity.shot_list(found)] if found and found.measured else [],
            **(_measured(material, found, plain) if found and plain and measured else {}),
        },
        note=f"{plain['views_seen']} of {plain['views_wanted']}" if plain and measured else "",
    )


def _measured(material: Material, found: Coverage, plain: dict[str, Any]) -> dict[str, Any]:
    lines = _lines(material, found, plain)
    return {
        "columns": [*COLUMNS, *(["framing not told"] if any(len(line.cells) > 4 for line in lines) else [])],
        "lines": lines,
        "ring": _ring(lines, folded=found.folded),
        "framings": _shares(plain["framing"], COLUMNS, found, "framing"),
        "heights": _shares(plain["pitch"], targets.PITCHES, found, "height"),
        "untold": [row for row in _photographs(material) if _bin(material, row, found.folded) is None],
    }


def _photographs(material: Material) -> list[int]:
    """Rows that coverage counts: keepers of the subject, heaviest first."""
    analysis = material.inputs.analysis
    keepers = inputs.keeper_of_row(analysis.catalog, analysis.groups)
    rows = [row for row, keeper in enumerate(keepers) if keeper == row]
    return sorted(rows, key=lambda row: (-(material.picture(row)["weight"] or 0), material.picture(row)["path"]))


def _lines(material: Material, found: Coverage, plain: dict[str, Any]) -> list[Line]:
    shown: dict[tuple[int, int], list[int]] = {}
    for row in _photographs(material):
        at, view = _bin(material, row, found.folded), material.picture(row)["views"]
        if at is not None:
            near = 4 if view["framing"] is None else FRAMINGS.index(view["framing"])
            shown.setdefault((at, near), []).append(row)
    width = 5 if any(near == 4 for _, near in shown) else 4
    wanted = targets.wanted(targets.TARGETS[found.preset], folded=found.folded)
    lines = []
    for at, (name, mass) in enumerate(plain["yaw"].items()):
        gap = next((gap for gap in found.gaps if gap.kind == "view" and gap.yaw_bin == at), None)
        cells = [
            Cell(
                mass=plain["matrix"][name][FRAMINGS[near]] if near < 4 else None,
                rows=tuple(shown.get((at, near), ())),
                gap=_cell_gap(found, at, near),
            )
            for near in range(width)
        ]
        lines.append(
            Line(
                name=name,
                mass=mass,
                wanted=at in wanted,
                gap=gap.why if gap else "",
                missing=bool(gap and gap.missing),
                cells=tuple(cells),
            )
        )
    return lines


def _cell_gap(found: Coverage, at: int, near: int) -> str:
    """Why one cell counts as a gap by itself, or as part of a framing that the whole set lacks."""
    if near >= len(FRAMINGS):
        return ""
    for gap in found.gaps:
        if FRAMINGS[near] in gap.framings and (gap.yaw_bin == at or (gap.yaw_bin is None and gap.missing)):
            return gap.why
    return ""


def _bin(material: Material, row: int, folded: bool) -> int | None:
    view = material.picture(row)["views"]
    return None if view is None or view["yaw_deg"] is None else targets.bin_of(view["yaw_deg"], folded=folded)


def _ring(lines: list[Line], *, folded: bool) -> list[Sector]:
    """Sectors of a ring seen from above: the camera is below it, and a sector lies where the subject looks to."""
    most = max((line.mass for line in lines), default=0.0) or 1.0
    found = []
    for at, line in enumerate(lines):
        angles = {45.0 * at, -45.0 * at} if folded and at % 4 else {45.0 * at}
        found += [
            Sector(
                name=line.name,
                mass=line.mass,
                path=_sector(angle),
                strength=(line.mass / most) ** 0.5,
                gap=line.wanted and bool(line.gap),
                x=RADII[1] * 1.2 * sin(radians(angle)),
                y=RADII[1] * 1.2 * cos(radians(angle)),
            )
            for angle in sorted(angles)
        ]
    return found


def _sector(angle: float) -> str:
    """The SVG path of a sector whose middle lies at `angle` degrees; 0 is down, positive to the right."""
    inner, outer = RADII
    start, stop = radians(angle - HALF), radians(angle + HALF)
    corners = [(r * sin(a), r * cos(a)) for r, a in ((inner, start), (outer, start), (outer, stop), (inner, stop))]
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    return (
        f"M{ax:.1f} {ay:.1f}L{bx:.1f} {by:.1f}A{outer} {outer} 0 0 0 {cx:.1f} {cy:.1f}"
        f"L{dx:.1f} {dy:.1f}A{inner} {inner} 0 0 1 {ax:.1f} {ay:.1f}Z"
    )


def _shares(masses: dict[str, float], names: tuple[str, ...], found: Coverage, kind: str) -> list[Share]:
    total = sum(masses.values()) or 1.0
    return [
        Share(name=name, mass=mass, share=mass / total, gap=_share_gap(found, kind, at))
        for at, (name, mass) in enumerate(zip(names, masses.values(), strict=True))
    ]


def _share_gap(found: Coverage, kind: str, at: int) -> str:
    for gap in found.gaps:
        if gap.kind == kind and (gap.pitch_bin == at if kind == "height" else FRAMINGS[at] in gap.framings):
            return gap.why
    return ""
