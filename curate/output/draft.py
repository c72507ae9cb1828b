"""A decided set -> what will be written where: a pure function, so that a dry run and the real one cannot differ."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from curate import addresses
from curate.errors import ExportError
from curate.output import destination as places
from curate.output import names
from curate.output.alpha import masks_in_alpha
from curate.output.captions import Rules, caption_of, copies_of, rules_of
from curate.output.count import true_steps
from curate.output.encodings import encoding_of
from curate.output.layouts import Layout, layout
from curate.output.notes import NO_CLASS, notes
from curate.output.parts import Key, parts_of, with_folders, with_masks
from curate.output.records import Caption, Cause, Draft, Export, Item, Left, Part, Placed, PlaceMask
from curate.output.scaling import scaled

SMALLEST = 64  # px of the shorter side: below it buckets of sd-scripts are empty and autoencoders fail


def draft(export: Export, destination: str | Path) -> Draft:
    """The set as `export.settings.trainer` wants it, to lie at `destination` or the settings' `train_path`.

    Raises ExportError where nothing is left or a demanded caption is missing, TrainerError for a trainer that is
    unknown or refuses the values.
    """
    chosen = layout(export.settings.trainer)
    name = names.safe(export.settings.name or Path(export.folder).name, "set")
    kept, left = _sorted_out(export)
    copies = copies_of(export.items)
    parts: list[Part] = []
    for key, items in parts_of(export, kept, name).items():
        captioned, without = _captioned(export, key, items, copies, name)
        left += without
        if captioned:
            parts.append(_placed(export, chosen, key, captioned))
    parts = scaled(export, with_masks(with_folders(chosen, parts)))
    if export.settings.trainer == "kohya" and any(part.role == "regularisation" for part in parts):
        parts = masks_in_alpha(parts)
    found = Draft(
        export=export,
        name=name,
        root=_root(export.settings.train_path.strip() or _lies_at(destination)),
        parts=tuple(part for part in parts if not part.held_out),
        validation=tuple(part for part in parts if part.held_out),
        left_out=tuple(sorted(left, key=lambda one: (one.cause, one.path))),
        notes=tuple(notes(export, chosen, parts)),
    )
    if not found.subject():
        raise ExportError(f"Nothing is left to export of {export.folder}", "Keep more pictures, or scan another folder")
    steps = true_steps(found)
    return replace(found, steps=steps.steps, epochs=steps.epochs) if steps else found


def _lies_at(destination: str | Path) -> str:
    here = addresses.local(destination)
    return addresses.whole(destination) if here is None else places.resolve(here).as_posix()


def _root(path: str) -> str:
    """The path without a slash at its end. Windows' own is written with forward slashes, which Python takes there."""
    if re.match(r"[A-Za-z]:[/\\]|\\\\", path):
        path = path.replace("\\", "/")
    return path.rstrip("/\\") or "/"


def _sorted_out(export: Export) -> tuple[list[Item], list[Left]]:
    kept: list[Item] = []
    left = [Left(path=one.path, cause="broken", reason=one.reason) for one in export.broken]
    left += [Left(path=one.path, cause="ignored", reason=one.reason) for one in export.ignored]
    for item in sorted(export.items, key=lambda item: item.picture.path):
        picture, facts = item.picture, item.facts
        if not item.kept:
            reason = item.reason or said(item) or "left out by you"
            cause: Cause = "copy" if item.evidence else "decided"
            left.append(
                Left(path=picture.path, digest=picture.digest, cause=cause, reason=reason, evidence=item.evidence)
            )
        elif min(facts.width, facts.height) < SMALLEST:
            reason = f"{facts.width}x{facts.height} px: a side under {SMALLEST} px stops trainers"
            left.append(Left(path=picture.path, digest=picture.digest, cause="small", reason=reason))
        else:
            kept.append(item)
    return kept, left


def said(item: Item) -> str:
    """The evidence for a copy in words."""
    evidence = item.evidence
    if evidence is None:
        return ""
    correlation = "" if evidence.correlation is None else f", correlation {evidence.correlation:.2f}"
    edit = f": {evidence.edit}" if evidence.edit else ""
    words = {"identical": "identical to", "copy": "copy of", "lookalike": "look-alike of"}
    return f"{words[evidence.kind]} {evidence.keeper}{edit}{correlation}"


def _captioned(
    export: Export, key: Key, items: Sequence[Item], copies: Mapping[str, Sequence[Item]], name: str
) -> tuple[list[tuple[Item, Caption]], list[Left]]:
    """The part's pictures with their captions, and those that are left out for want of one."""
    settings = export.settings
    shape = layout(settings.trainer).shape
    if key.role == "regularisation":
        rules = Rules(shape=shape, trigger="", missing=key.label if key.label != "regularisation" else NO_CLASS)
    else:
        own = key.label if key.own else ""
        rules = rules_of(settings, shape, name, own or settings.class_word or settings.trigger or name)
    found: list[tuple[Item, Caption]] = []
    left = []
    for item in items:
        picture = item.picture
        caption = caption_of(item, copies.get(picture.path, ()), rules)
        if caption is None:
            left.append(Left(path=picture.path, digest=picture.digest, cause="no caption", reason="it has no caption"))
        else:
            found.append((item, caption))
    return found, left


def _placed(export: Export, chosen: Layout, key: Key, items: Sequence[tuple[Item, Caption]]) -> Part:
    paths = [item.picture.path for item, _ in items]
    stems = names.unique_stems(paths)
    if chosen.numbered:
        stems = [f"{number:0{max(4, len(str(len(paths))))}d}" for number in range(1, len(paths) + 1)]
    placed = []
    for (item, caption), stem in zip(items, stems, strict=True):
        encoding, suffix, fixes = encoding_of(
            item.facts, posixpath.splitext(item.picture.path)[1], export.settings.format
        )
        if stem != names.own_stem(item.picture.path):
            fixes += ("its name would be misread, refused or taken twice",) if not chosen.numbered else ("numbered",)
        mask = _mask(export, item) if chosen.reads_masks and key.role == "subject" else None
        placed.append(
            Placed(
                item=item,
                stem=stem,
                suffix=suffix,
                encoding=encoding,
                fixes=fixes,
                caption=caption,
                mask=mask,
                keep_location=export.settings.keep_location,
            )
        )
    if key.held_out:
        folder = f"{chosen.held_out}/{key.label}"
    else:
        folder = chosen.folder(key.label, key.repeats, key.role, own=key.own)
    in_order = tuple(sorted(placed, key=lambda one: one.file))
    return Part(
        label=key.label,
        repeats=key.repeats,
        role=key.role,
        folder=folder,
        pictures=in_order,
        held_out=key.held_out,
    )


def _mask(export: Export, item: Item) -> PlaceMask | None:
    picture, facts = item.picture, item.facts
    size = facts.width, facts.height
    if picture.mask_path:
        return PlaceMask(to="", size=size, source=picture.mask_path, orientation=facts.orientation)
    if export.settings.alpha_masks and facts.has_alpha:
        return PlaceMask(to="", size=size, source=picture.path, alpha_of_source=True)
    return None
