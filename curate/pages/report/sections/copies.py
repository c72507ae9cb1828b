"""Copies beside their keepers, with the region that both show; look-alikes as strips ordered by likeness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curate.pages.report import alignment
from curate.pages.report.material import Material, Section, Thumbnail
from curate.pages.report.text import plural

MOST_GROUPS = 400  # shown in full: beyond it a page is no reading, and --json has them all
MOST_MEMBERS = 24  # of one group
LIGHT = 0.6  # effective images below which a picture shares much of its worth with others
MOST_LIGHT = 12  # such pictures shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One picture of a group as it is drawn."""

    row: int
    number: int  # 1, 2, ... as its region is marked on the keeper
    edit: str
    match: float | None
    similarity: float | None
    kept: bool
    yours: bool  # the user decided that it stays
    weight: float | None  # None: not measured
    region: str  # corners for an SVG polygon over the keeper's thumbnail, px; "" for the whole picture or none
    share: float | None  # of the keeper that both show, 0-1; None where they were not aligned
    place: tuple[float, float] | None  # of the region's number, px of the keeper's thumbnail
    changed: str  # corners of what differs, for an SVG polygon over its own thumbnail, px; "" for nothing
    over: str | None  # the SVG transform that lays it onto the keeper


@dataclass(frozen=True, slots=True, kw_only=True)
class Star:
    """One group as it is drawn."""

    keeper: int
    kept: bool  # the keeper; False where the user left it out
    reason: str
    own: float | None  # weight of the keeper, effective images; None: not measured
    weight: float | None  # sum over the group
    members: tuple[Member, ...]
    more: int  # members that are not drawn


def section(material: Material) -> Section:
    stars = _stars(material, lookalikes=False)
    out = material.copies_out
    return Section(
        name="copies",
        title="Copies",
        template="copies.html",
        data={
            "stars": stars[:MOST_GROUPS],
            "more": max(0, len(stars) - MOST_GROUPS),
            "out": out,
            "yours": material.yours_out,
            "shared": [_pair(material, one) for one in material.scan["shared_with_regularisation"]],
            "outlined": any(one.region for star in stars[:MOST_GROUPS] for one in star.members),
            "changed": any(one.changed for star in stars[:MOST_GROUPS] for one in star.members),
        },
        note=f"{out:,}" if stars else "none",
    )


def _pair(material: Material, one: dict[str, Any]) -> dict[str, Any]:
    """A picture of the subject and the regularisation picture that shows the same photograph, as rows."""
    return {
        "subject": material.rows[one["path"]],
        "beside": material.rows[one["regularisation"]],
        "edit": one["edit"],
        "match": one["correlation"],
    }


def lookalikes(material: Material) -> Section:
    stars = _stars(material, lookalikes=True)
    return Section(
        name="lookalikes",
        title="Look-alikes",
        template="lookalikes.html",
        data={
            "stars": stars[:MOST_GROUPS],
            "more": max(0, len(stars) - MOST_GROUPS),
            "light": _light(material, stars),
            "compared": material.compared,
            "changed": any(one.changed for star in stars[:MOST_GROUPS] for one in star.members),
        },
        note=plural(len(stars), "group") if stars else "none" if material.compared else "not measured",
    )


def _stars(material: Material, *, lookalikes: bool) -> list[Star]:
    return [_star(material, group) for group in material.scan["groups"] if (group["kind"] == "lookalike") is lookalikes]


def _light(material: Material, stars: list[Star]) -> list[tuple[int, float]]:
    """(row, weight) of kept pictures outside of the strips that weigh least."""
    if not material.compared:
        return []
    strips = {row for star in stars for row in (star.keeper, *(one.row for one in star.members))}
    found = [
        (row, picture["weight"])
        for row, picture in enumerate(material.scan["pictures"])
        if picture["kept"] and picture["role"] == "subject" and row not in strips and 0 < picture["weight"] < LIGHT
    ]
    return sorted(found, key=lambda one: (one[1], material.picture(one[0])["path"]))[:MOST_LIGHT]


def _star(material: Material, group: dict[str, Any]) -> Star:
    keeper, given = material.rows[group["keeper"]], group["members"]
    if group["kind"] == "lookalike":
        given = sorted(given, key=lambda one: (-(one["similarity"] or 0.0), one["path"]))
    rows = [keeper, *(material.rows[one["path"]] for one in given)]
    return Star(
        keeper=keeper,
        kept=material.picture(keeper)["kept"],
        reason=group["reason"],
        own=material.picture(keeper)["weight"],
        weight=sum(material.picture(row)["weight"] for row in rows) if material.compared else None,
        members=tuple(_member(material, keeper, one, n) for n, one in enumerate(given[:MOST_MEMBERS], start=1)),
        more=max(0, len(given) - MOST_MEMBERS),
    )


def _member(material: Material, keeper: int, one: dict[str, Any], number: int) -> Member:
    row, found = material.rows[one["path"]], one["map"] and tuple(one["map"])
    on, small = _small(material, keeper), _small(material, row)
    corners = alignment.shared(found) if found else ()
    share = alignment.area(corners) if found else None
    drawn = bool(on and share is not None and 0 < share < alignment.WHOLE)
    points = [(x * on.width, y * on.height) for x, y in corners] if on and drawn else []
    return Member(
        row=row,
        number=number,
        edit=one["edit"],
        match=one["correlation"],
        similarity=one["similarity"],
        kept=one["kept"],
        yours="keep" in material.picture(row)["decided"],
        weight=material.picture(row)["weight"],
        region=" ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        share=share,
        place=min(points, key=lambda point: point[0] + point[1]) if points else None,
        changed=_changed(one["changed"], found, small),
        over=alignment.transform(found, (small.width, small.height), (on.width, on.height))
        if found and on and small
        else None,
    )


def _changed(region: dict[str, float] | None, found: alignment.Map | None, small: Thumbnail | None) -> str:
    """Where a picture differs from its keeper, as corners on its own thumbnail; `region`: shares of the keeper."""
    if region is None or found is None or small is None:
        return ""
    corners = [
        (region[x], region[y]) for x, y in (("left", "top"), ("right", "top"), ("right", "bottom"), ("left", "bottom"))
    ]
    shown = [(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)) for x, y in alignment.through(found, corners)]
    return " ".join(f"{x * small.width:.1f},{y * small.height:.1f}" for x, y in shown)


def _small(material: Material, row: int) -> Thumbnail | None:
    return material.inputs.thumbnails.get(material.picture(row)["digest"])
