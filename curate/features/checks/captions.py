"""Captions: missing, empty, unreadable, shared by different photographs, or in dispute between copies.

These look at the whole set, so they are functions of the catalog and its groups rather than of one picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.records import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from curate.records import Catalog, Group, Picture

NAMES = ("caption", "caption_shared", "caption_conflict")
UNITS = {
    "caption": "1 if usable",
    "caption_shared": "photographs with this caption",
    "caption_conflict": "different captions among the copies",
}
PROBLEMS = {
    "missing": "no caption: write one, or name one word for all when exporting",
    "empty": "its caption is empty, which stops some trainers: write one",
    "not_utf8": "its caption is not UTF-8 and cannot be read: save it again as UTF-8",
}


def judge(catalog: Catalog, groups: Sequence[Group]) -> tuple[Mapping[str, Check], ...]:
    """Of each picture, row by row: the three checks of NAMES. Time grows as the number of pictures does."""
    shared, conflicts = shared_captions(catalog, groups), caption_conflicts(catalog, groups)
    rows = []
    for row, picture in enumerate(catalog.pictures):
        (other, others), captions = shared.get(row, (row, 0)), conflicts.get(row, ())
        has_text = bool(_text(picture))
        values = {
            "caption": (float(picture.caption_problem is None and has_text), _problem(picture)),
            "caption_shared": (float(others + has_text), _sharing(catalog, other, others)),
            "caption_conflict": (float(max(len(captions), has_text)), _conflict(captions)),
        }
        rows.append(
            {name: Check(value=value, unit=UNITS[name], finding=found) for name, (value, found) in values.items()}
        )
    return tuple(rows)


def shared_captions(catalog: Catalog, groups: Sequence[Group]) -> dict[int, tuple[int, int]]:
    """Of each picture whose caption other photographs have too: a row of the first of those, and how many there are.
    Copies are one photograph."""
    keeper = _keepers(catalog, groups)
    texts = [(picture.role, _text(picture)) for picture in catalog.pictures]
    by_caption: dict[tuple[str, str], dict[int, int]] = {}  # (role, caption) -> photograph -> its first row
    for row, told in enumerate(texts):
        if told[1]:
            by_caption.setdefault(told, {}).setdefault(keeper[row], row)
    shared = {}
    for row, told in enumerate(texts):
        photographs = by_caption.get(told, {})
        if len(photographs) > 1:
            other = next(first for photograph, first in photographs.items() if photograph != keeper[row])
            shared[row] = other, len(photographs) - 1
    return shared


def caption_conflicts(catalog: Catalog, groups: Sequence[Group]) -> dict[int, tuple[str, ...]]:
    """Of each picture in a group of copies whose captions differ: those captions, the keeper's first."""
    conflicts = {}
    for group in groups:
        if group.kind == "lookalike":
            continue
        rows = (group.keeper, *(member.row for member in group.members))
        captions = tuple(dict.fromkeys(caption for row in rows if (caption := _text(catalog.pictures[row]))))
        if len(captions) > 1:
            conflicts.update(dict.fromkeys(rows, captions))
    return conflicts


def _keepers(catalog: Catalog, groups: Sequence[Group]) -> list[int]:
    """The row that stands for each row's photograph."""
    keeper = list(range(len(catalog.pictures)))
    for group in groups:
        if group.kind != "lookalike":
            for member in group.members:
                keeper[member.row] = group.keeper
    return keeper


def _text(picture: Picture) -> str:
    """The caption with its white space evened out; "" where there is none that can be used."""
    return "" if picture.caption is None or picture.caption_problem else " ".join(picture.caption.split())


def _problem(picture: Picture) -> str | None:
    if picture.caption_problem is not None:
        return PROBLEMS[picture.caption_problem]
    if picture.caption is None:
        return PROBLEMS["missing"]
    return None if _text(picture) else PROBLEMS["empty"]


def _sharing(catalog: Catalog, other: int, others: int) -> str | None:
    if not others:
        return None
    more = f" and {others - 1} more" if others > 1 else ""
    return f"same caption as {catalog.pictures[other].path}{more}, another photograph: say what differs"


def _conflict(captions: Sequence[str]) -> str | None:
    if not captions:
        return None
    return f"its copies have {len(captions)} different captions: decide which one is true"
