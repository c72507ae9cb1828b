"""Which pictures lie in one folder and share their repeats."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from curate.errors import TrainerError
from curate.output import names
from curate.output.layouts import Layout
from curate.output.records import Export, Item, Part, Placed, PlaceMask
from curate.records import Role
from curate.trainers import get

_OWN = re.compile(r"([0-9]+)(?:_(.*))?", re.DOTALL)  # kohya's folders with repeats: 10_sks man


@dataclass(frozen=True, slots=True)
class Key:
    """What pictures of one part share. The order of its fields is that of the parts."""

    role: Role
    own: bool  # its folder in the source gives repeats
    label: str
    repeats: float
    held_out: bool = False


def parts_of(export: Export, kept: Sequence[Item], name: str) -> dict[Key, list[Item]]:
    """The pictures by part: folders with repeats of their own stay, all others are thrown together."""
    values, settings = export.values, export.settings
    found: dict[Key, list[Item]] = {}
    safe = cache(names.safe)  # the same few labels for thousands of pictures
    for item in kept:
        picture = item.picture
        match = _OWN.fullmatch(posixpath.basename(picture.subset))
        text = match[2] or "" if match else ""
        repeats: float = picture.repeats
        if picture.role == "regularisation":
            text = text or settings.class_word
        else:
            text = text or f"{name} {settings.class_word}".strip()
            if settings.trainer != "folder":
                default = picture.repeats if values.repeats is None else values.repeats
                repeats = values.subset_repeats.get(picture.subset, default)
                repeats = repeats if item.repeats is None else item.repeats
        label = safe(text, "regularisation" if picture.role == "regularisation" else "set")
        if item.held_out:
            key = Key(role=picture.role, own=False, label=label, repeats=1, held_out=True)
        else:
            key = Key(role=picture.role, own=bool(match), label=label, repeats=_checked(settings.trainer, repeats))
        found.setdefault(key, []).append(item)
    order = sorted(found, key=lambda one: (one.held_out, one.role == "regularisation", one.own, one.label, one.repeats))
    return {key: found[key] for key in order}


def _checked(trainer: str, repeats: float) -> float:
    if repeats <= 0 or (repeats != int(repeats) and (trainer == "folder" or get(trainer).whole_repeats)):
        raise TrainerError(trainer, f"repeats is {repeats!r}", "Give a whole number of at least 1")
    return int(repeats) if repeats == int(repeats) else repeats


def with_masks(parts: list[Part]) -> list[Part]:
    """Where one picture of the subject has a mask all get one, white where they had none: trainers want them whole."""
    if not any(part.masked for part in parts):
        return parts
    return [
        part
        if part.role == "regularisation"
        else replace(
            part,
            pictures=tuple(replace(one, mask=one.mask or PlaceMask(to="", size=one.size)) for one in part.pictures),
        )
        for part in parts
    ]


def with_folders(chosen: Layout, parts: list[Part]) -> list[Part]:
    """Parts in folders of their own; a trainer without subsets has them thrown together."""
    if not chosen.numbered:
        named = Counter(names.key(part.folder) for part in parts)
        folders = names.unique(
            [
                part.folder if named[names.key(part.folder)] == 1 else f"{part.folder}-x{part.repeats:g}"
                for part in parts
            ]
        )
        return [replace(part, folder=folder) for part, folder in zip(parts, folders, strict=True)]
    merged: dict[str, Part] = {}
    for part in parts:
        first = merged.get(part.folder)
        if first and part.role == "subject" and first.repeats != part.repeats:
            raise TrainerError(
                chosen.name,
                "--repeats is one number for the whole set",
                "Give all pictures the same repeats, or choose another trainer",
            )
        pictures = (*(first.pictures if first else ()), *part.pictures)
        merged[part.folder] = replace(first or part, pictures=_numbered(pictures))
    return list(merged.values())


def _numbered(pictures: Sequence[Placed]) -> tuple[Placed, ...]:
    wide = max(4, len(str(len(pictures))))
    return tuple(replace(one, stem=f"{number:0{wide}d}") for number, one in enumerate(pictures, start=1))
