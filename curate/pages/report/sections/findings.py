"""What to look at: findings of the checks, captions, files that are broken or no pictures; and every picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curate.pages.report.material import Material, Section
from curate.pages.report.text import CAPTION, sentence, shown

MOST = 120  # pictures shown for one check
MOST_FILES = 500  # of one list of names
MOST_PICTURES = 4000  # lines of the table of all pictures
TITLES = {
    "size": "Small",
    "aspect": "Long and narrow",
    "blur": "Blurred",
    "dark": "Dark",
    "bright": "Bright",
    "contrast": "Flat light",
    "compression": "Strongly compressed",
    "upscaled": "Enlarged before",
    "border": "Bars and borders",
    "flat": "Nothing on it",
    "caption": "Captions that are missing or unreadable",
    "caption_shared": "Captions that pictures share",
    "caption_conflict": "Captions that contradict",
    "views": "Views to check",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    row: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The findings of one check, of pictures that stay."""

    name: str
    title: str
    found: tuple[Finding, ...]
    more: int


def section(material: Material) -> Section:
    kinds = _kinds(material)
    scan = material.scan
    return Section(
        name="findings",
        title="Findings",
        template="findings.html",
        data={
            "quality": [kind for kind in kinds if not kind.name.startswith("caption")],
            "captions": [kind for kind in kinds if kind.name.startswith("caption")],
            "captioned": sum(bool((one["caption"] or "").strip()) for one in scan["pictures"]),
            "uncaptioned_copies": sum(
                bool(one["checks"].get("caption", {}).get("finding")) and not one["kept"] for one in scan["pictures"]
            ),
            "lists": [
                ("Broken files", scan["broken"][:MOST_FILES], max(0, len(scan["broken"]) - MOST_FILES)),
                ("Files that are no pictures", scan["ignored"][:MOST_FILES], max(0, len(scan["ignored"]) - MOST_FILES)),
            ],
            "pictures": [_picture(one, row) for row, one in enumerate(scan["pictures"][:MOST_PICTURES])],
            "pictures_more": max(0, len(scan["pictures"]) - MOST_PICTURES),
        },
        note=f"{sum(len(kind.found) + kind.more for kind in kinds):,}" if kinds else "none",
    )


def _kinds(material: Material) -> list[Kind]:
    found: dict[str, list[Finding]] = {}
    for row, picture in enumerate(material.scan["pictures"]):
        if not picture["kept"]:
            continue
        for name, check in picture["checks"].items():
            if check["finding"] is not None:
                found.setdefault(name, []).append(Finding(row=row, text=sentence(check["finding"])))
        for note in (picture["views"] or {}).get("notes", ()):
            found.setdefault("views", []).append(Finding(row=row, text=sentence(note)))
    order = [*TITLES, *sorted(set(found) - set(TITLES))]
    return [
        Kind(
            name=name,
            title=TITLES.get(name, name.replace("_", " ").capitalize()),
            found=tuple(found[name][:MOST]),
            more=max(0, len(found[name]) - MOST),
        )
        for name in order
        if name in found
    ]


def _picture(one: dict[str, Any], row: int) -> dict[str, Any]:
    view = one["views"] or {}
    yaw, framing = view.get("yaw_deg"), view.get("framing")
    return {
        "row": row,
        "path": one["path"],
        "size": f"{one['width']:,} × {one['height']:,}",
        "weight": one["weight"],
        "view": "" if yaw is None else f"{round(yaw)}°".replace("-", "−"),
        "framing": (framing or "").replace("_", " "),
        "caption": shown(one["caption"] or "", CAPTION),
        "fate": ("kept" if one["kept"] else "left out") + (", by you" if one["decided"] else ""),
        "role": one["role"],
    }
