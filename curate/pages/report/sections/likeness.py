"""The map: every picture at a place of its own, near those that look like it."""

from __future__ import annotations

from dataclasses import dataclass

from curate.pages.report import placing
from curate.pages.report.material import Material, Section

GAP = 0.08  # of a cell, between two thumbnails
MOST = 4000  # pictures on the map; thumbnails.MOST_PICTURES have one


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A picture on the map, in cells."""

    row: int
    x: float
    y: float
    mark: str  # "" or copy, lookalike, odd: the first that holds
    label: str  # what the mark means


def section(material: Material) -> Section:
    rows = [row for row, picture in enumerate(material.scan["pictures"]) if picture["role"] == "subject"][:MOST]
    if not material.compared:
        rows = []
    positions, share = placing.project(material.inputs.analysis.features.embeddings[rows])
    found, (columns, lines) = placing.cells(positions)
    marks = _marks(material)
    placed = [
        Placed(row=row, x=float(x), y=float(y), mark=marks.get(row, ("", ""))[0], label=marks.get(row, ("", ""))[1])
        for row, (x, y) in zip(rows, found, strict=True)
    ]
    left = len(material.scan["pictures"]) - len(rows) if material.compared else 0
    return Section(
        name="map",
        title="Map",
        template="map.html",
        data={
            "placed": placed,
            "columns": columns,
            "lines": lines,
            "gap": GAP,
            "share": share,
            "counts": {mark: sum(one.mark == mark for one in placed) for mark in ("copy", "lookalike", "odd")},
            "left": left,
            "findings": material.subjects["findings"],
            "compared": material.compared,
            "looked": not _why_not(material, rows),
            "why_not": _why_not(material, rows),
        },
    )


def _why_not(material: Material, rows: list[int]) -> str:
    """Why nobody can tell what does not belong; "" where it was looked for."""
    from curate.diversity import subjects

    if not material.scan["model"]["calibrated"]:
        return "since the model is not calibrated"
    few = len({material.picture(row)["digest"] for row in rows if material.picture(row)["kept"]}) < subjects.SET
    return f"with fewer than {subjects.SET} photographs" if few else ""


def _marks(material: Material) -> dict[int, tuple[str, str]]:
    """What is to say of a picture's place, by row."""
    marks: dict[int, tuple[str, str]] = {}
    for group in material.scan["groups"]:
        alike = group["kind"] == "lookalike"
        for one in group["members"]:
            word = f"look-alike of {group['keeper']}" if alike else f"copy of {group['keeper']}"
            row = material.rows[one["path"]]
            if row not in marks or not alike:
                marks[row] = ("lookalike" if alike else "copy", word)
    for path in material.subjects["odd"]:
        if path in material.rows:
            marks.setdefault(material.rows[path], ("odd", "may not belong"))
    return marks
