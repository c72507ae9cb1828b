"""Two sets side by side as one HTML file, in the look of a report: what changed, what both show, what left and came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from curate.output import MANIFEST
from curate.pages import report
from curate.pages.compare_page import compare_object
from curate.pages.comparison import Comparison
from curate.pages.report.text import plural, redacted, sentence, without_paths
from curate.records import FRAMINGS

MOST = 400  # pictures of one list that are shown; --json has them all
COLUMNS = ("close-up", "upper", "three-quarter", "full")  # as FRAMINGS, for narrow columns
LEAST = 0.05  # effective images: a smaller change would be printed as 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One number of both sets, as printed."""

    name: str
    a: str
    b: str
    change: str
    tone: str = ""  # good or bad, where more is better


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    value: float | None  # effective images; None: not measured
    strength: float = 0.0  # 0-1, of the fullest cell of both
    change: float = 0.0  # from A to B; 0.0 in A


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonInputs:
    """All that the page shows."""

    found: Comparison
    thumbnails: Mapping[str, report.Thumbnail] = field(default_factory=dict)  # by digest
    with_paths: bool = False  # absolute paths may be shown


def compare_report(inputs: ComparisonInputs) -> str:
    """The whole page. Equal inputs give equal text."""
    values = compare_object(inputs.found)
    if not inputs.with_paths:
        values = redacted(values, tuple(one for one in _folders(inputs.found) if one))
        for letter, side in (("a", inputs.found.a), ("b", inputs.found.b)):
            values[letter]["name"] = without_paths(side.name)
    names = tuple(_short(side.name) for side in (inputs.found.a, inputs.found.b))
    moved = [*values["left"][:MOST], *values["came"][:MOST]]
    pictures = [report.draw(one["path"], one["digest"], inputs.thumbnails) for one in moved]
    parts = [
        _change(values, names),
        _coverage(values),
        _list(values, "left", 0),
        _list(values, "came", len(values["left"][:MOST])),
    ]
    return report.page(f"curate compare: {names[0]}, {names[1]}", parts, pictures, inputs.thumbnails)


def moved_pictures(found: Comparison) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(digest, path) of the pictures that the page shows: of A those that left, of B those that came."""
    left, came = ([(one.digest, one.path) for one in moved[:MOST]] for moved in (found.left, found.came))
    return left, came


def _folders(found: Comparison) -> tuple[str, ...]:
    """Folders that the page may not tell, as they are spelled."""
    return (found.a.folder, found.b.folder, str(Path.home()))


def _short(name: str) -> str:
    """What people call a set: its folder's name, and for an export the name of the folder that it was written to."""
    whole = (PureWindowsPath if "\\" in name else PurePosixPath)(name)
    last = whole.parent.name if whole.name == MANIFEST else whole.name
    return last or ("this folder" if whole.name in ("", MANIFEST) else name)


def _change(values: dict[str, Any], names: tuple[str, ...]) -> report.Section:
    a, b = values["a"], values["b"]
    return report.Section(
        name="change",
        title="Change",
        template="compared.html",
        data={
            "names": names,
            "sides": (a, b),
            "sentences": _sentences(values),
            "rows": _rows(a, b),
            "samples": values["samples"],
            "notes": [sentence(text) for text in values["notes"]],
        },
    )


def _sentences(values: dict[str, Any]) -> list[str]:
    a, b = values["a"], values["b"]
    left, came, stayed = len(values["left"]), len(values["came"]), values["stayed"]
    if not left and not came:
        said = [f"Both hold the same {plural(stayed, 'picture')}."]
    else:
        said = [f"{plural(left, 'picture')} left, {came:,} came, and {stayed:,} are the same in both."]
    if a["effective_images"] is not None and b["effective_images"] is not None:
        before, after = (f"{side['effective_images']:.1f}" for side in (a, b))
        same = before == after
        said.append(
            f"Either is worth {before} effective images." if same else f"{before} effective images became {after}."
        )
    one, other = (side["exposures"]["per_effective_image"] for side in (a, b))
    if one is not None and other is not None:
        said.append(
            f"A run that draws {values['samples']:,} pictures evenly shows each of them {plural(round(other), 'time')}"
            + ("." if round(one) == round(other) else f" instead of {round(one):,}.")
        )
    return said


def _rows(a: dict[str, Any], b: dict[str, Any]) -> list[Row]:
    seen = [f"{side['views_seen']} of {side['views_wanted']}" if side["views_wanted"] else None for side in (a, b)]
    views = Row(name="views", a=seen[0] or "not measured", b=seen[1] or "not measured", change="")
    if all(seen) and a["views_seen"] != b["views_seen"]:
        more = b["views_seen"] - a["views_seen"]
        views = Row(name="views", a=str(seen[0]), b=str(seen[1]), change=_signed(more, 0), tone=_tone(more))
    per = [(side["exposures"]["per_file"], side["exposures"]["per_effective_image"]) for side in (a, b)]
    return [
        _number("pictures to train on", a["files"], b["files"], 0),
        _number("effective images", a["effective_images"], b["effective_images"], 1, better=True),
        views,
        _number("exposures of each file", per[0][0], per[1][0], 1),
        _number("exposures of each effective image", per[0][1], per[1][1], 1),
    ]


def _number(name: str, a: float | None, b: float | None, digits: int, *, better: bool = False) -> Row:
    one, other = ("not measured" if value is None else f"{value:,.{digits}f}" for value in (a, b))
    if a is None or b is None or one == other:
        return Row(name=name, a=one, b=other, change="")
    return Row(name=name, a=one, b=other, change=_signed(b - a, digits), tone=_tone(b - a) if better else "")


def _signed(value: float, digits: int) -> str:
    return f"{value:+,.{digits}f}".replace("-", "−")


def _tone(change: float) -> str:
    return "good" if change > 0 else "bad"


def _coverage(values: dict[str, Any]) -> report.Section:
    sides = (values["a"], values["b"])
    matrices = [side["matrix"] or {} for side in sides]
    most = max((mass for matrix in matrices for line in matrix.values() for mass in line.values()), default=0.0) or 1.0
    tables = []
    for at, matrix in enumerate(matrices):
        before = matrices[0] if at and matrices[0].keys() == matrix.keys() else None
        tables.append(
            [
                (view, [_cell(line[name], most, before[view][name] if before else None) for name in FRAMINGS])
                for view, line in matrix.items()
            ]
        )
    return report.Section(
        name="coverage",
        title="Coverage",
        template="compared_coverage.html",
        data={
            "sides": sides,
            "tables": tables,
            "columns": COLUMNS,
            "measured": any(matrices),
            "changed": any(cell.change for _, cells in tables[1] for cell in cells),
        },
        note=" → ".join(str(side["views_seen"]) if side["views_wanted"] else "–" for side in sides),
    )


def _cell(value: float, most: float, before: float | None) -> Cell:
    change = 0.0 if before is None else value - before
    return Cell(value=value, strength=(value / most) ** 0.5, change=change if abs(change) >= LEAST else 0.0)


def _list(values: dict[str, Any], what: str, first: int) -> report.Section:
    """One of the two lists; `first`: the row of its first picture on the page."""
    moved = values[what]
    return report.Section(
        name=what,
        title="Left" if what == "left" else "Came",
        template="compared_list.html",
        data={
            "what": what,
            "intro": "In A and not in B." if what == "left" else "In B and not in A.",
            "empty": "No picture of A is missing in B." if what == "left" else "No picture of B is new.",
            "elsewhere": "B" if what == "left" else "A",
            "shown": [(first + at, one["why"]) for at, one in enumerate(moved[:MOST])],
            "more": max(0, len(moved) - MOST),
        },
        note=f"{len(moved):,}" if moved else "none",
    )
