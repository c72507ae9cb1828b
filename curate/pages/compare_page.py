"""The page and the JSON of `curate compare`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from curate.pages.comparison import Comparison, Exposure, Moved, Side
from curate.pages.lines import FEW, Line, clean, entry, wrap

NAME, COLUMN = 22, 18  # columns of the names of the rows, and of each of the three values


def compare_page(found: Comparison, everything: bool = False) -> list[Line]:
    """The page, at most 80 columns; `everything` prints the long lists whole."""
    return list(_page(found, 10**9 if everything else FEW))


def compare_json(found: Comparison) -> str:
    """One object, ASCII."""
    return json.dumps(compare_object(found), indent=1, ensure_ascii=True, allow_nan=False)


def compare_object(found: Comparison) -> dict[str, Any]:
    """The same as plain Python values."""
    one, other = found.exposures
    return {
        "schema": 1,
        "a": _side(found.a, one),
        "b": _side(found.b, other),
        "samples": found.samples,
        "stayed": found.stayed,
        "left": [asdict(moved) for moved in found.left],
        "came": [asdict(moved) for moved in found.came],
        "notes": list(found.notes),
    }


def _side(side: Side, exposure: Exposure) -> dict[str, Any]:
    return {
        "name": side.name,
        "kind": side.kind,
        "model": side.model or None,
        "files": side.files,
        "effective_images": _rounded(side.effective_images),
        "range": None if side.effective_range is None else list(side.effective_range),
        "views_seen": side.views[0] if side.views else None,
        "views_wanted": side.views[1] if side.views else None,
        "coverage": side.coverage or None,
        "matrix": {view: dict(masses) for view, masses in side.matrix.items()} or None,
        "exposures": {
            "per_file": _rounded(exposure.per_file),
            "per_effective_image": _rounded(exposure.per_effective_image),
        },
    }


def _page(found: Comparison, few: int) -> Iterator[Line]:
    a, b = found.a, found.b
    yield Line(text="curate compare", style="title")
    for letter, side in (("A", a), ("B", b)):
        yield from wrap(f"{letter}  {side.name} ({side.kind})", 2, hanging=5)
    for note in found.notes:
        yield from wrap(f"Note: {note}", 0, "warn", hanging=6)
    yield Line(text="")
    yield Line(text=_row("", "A", "B", "change"), style="head")
    yield _numbers("pictures", a.files, b.files, 0)
    yield _numbers("effective images", a.effective_images, b.effective_images, 1)
    yield _views(a, b)
    one, other = found.exposures
    yield from wrap(f"exposures, of {found.samples:,} pictures drawn evenly:", 0, "dim")
    yield _numbers("  each file", one.per_file, other.per_file, 1)
    yield _numbers("  each effective image", one.per_effective_image, other.per_effective_image, 1)
    for letter, side in (("A", a), ("B", b)):
        if side.coverage:
            yield from wrap(f"{letter}: {side.coverage}", 0, hanging=3)
    yield from _list("LEFT: in A, not in B", found.left, few, "B leaves it out")
    yield from _list("CAME: in B, not in A", found.came, few, "A leaves it out")
    yield Line(text="")
    yield from wrap(f"{found.stayed:,} pictures are the same in both, byte for byte.", 0)


def _row(name: str, a: str, b: str, change: str) -> str:
    return f"{name:<{NAME}}{a:>{COLUMN}}{b:>{COLUMN}}{change:>{COLUMN}}".rstrip()


def _numbers(name: str, a: float | None, b: float | None, digits: int) -> Line:
    one, other = ("not measured" if value is None else f"{value:,.{digits}f}" for value in (a, b))
    change = "" if a is None or b is None else f"{b - a:+,.{digits}f}"
    return Line(
        text=_row(name, one, other, "" if change.strip("+-0.") == "" else change), style="name" if digits else "plain"
    )


def _views(a: Side, b: Side) -> Line:
    one, other = (f"{side.views[0]} of {side.views[1]}" if side.views else "not measured" for side in (a, b))
    change = f"{b.views[0] - a.views[0]:+d}" if a.views and b.views and a.views != b.views else ""
    return Line(text=_row("views", one, other, change))


def _list(title: str, moved: Sequence[Moved], few: int, where: str) -> Iterator[Line]:
    if not moved:
        return
    yield Line(text="")
    yield Line(text=f"{title}: {len(moved):,}", style="head")
    for one in moved[:few]:
        if one.why:
            yield from entry(one.path, f"{where}: {one.why}", 2, 28)
        else:
            yield from wrap(clean(one.path), 2, hanging=4)
    if len(moved) > few:
        yield Line(text=f"  and {len(moved) - few:,} more (--all shows them)", style="dim")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
