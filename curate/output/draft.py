"""A decided set -> what will be written where: a pure function, so that a dry run and the real one cannot differ."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from curate.errors import ExportError, TrainerError
from curate.output import destination as places
from curate.output import names
from curate.output.captions import Rules, caption_of, rules_of
from curate.output.count import true_steps
from curate.output.layouts import Layout, layout
from curate.output.records import Caption, Cause, Draft, Encoding, Export, Format, Item, Left, Part, Placed, PlaceMask
from curate.pictures import is_plain
from curate.records import Facts, Role
from curate.trainers import get

SMALLEST = 64  # px of the shorter side: below it buckets of sd-scripts are empty and autoencoders fail
NO_CLASS = "photo"  # caption of a regularisation picture whose class nobody named
_OWN = re.compile(r"([0-9]+)(?:_(.*))?", re.DOTALL)  # kohya's folders with repeats: 10_sks man
_SUFFIXES: Mapping[str, tuple[str, ...]] = {"JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "WEBP": (".webp",)}
_LOSSY: Mapping[str, Encoding] = {"JPEG": "jpg", "WEBP": "webp", "HEIF": "jpg", "AVIF": "jpg"}  # camera and web formats
_ENCODED: Mapping[str, Encoding] = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


@dataclass(frozen=True, slots=True)
class _Key:
    """What pictures of one part share. The order of its fields is that of the parts."""

    role: Role
    own: bool  # its folder in the source gives repeats
    label: str
    repeats: float


def draft(export: Export, destination: Path) -> Draft:
    """The set as `export.settings.trainer` wants it, to lie at `destination` or the settings' `train_path`.

    Raises ExportError where nothing is left or a demanded caption is missing, TrainerError for a trainer that is
    unknown or refuses the values.
    """
    chosen = layout(export.settings.trainer)
    name = names.safe(export.settings.name or Path(export.folder).name, "set")
    kept, left = _sorted_out(export)
    copies = _copies(export.items)
    parts: list[Part] = []
    for key, items in _parts(export, kept, name).items():
        captioned, without = _captioned(export, key, items, copies, name)
        left += without
        if captioned:
            parts.append(_placed(export, chosen, key, captioned))
    parts = _with_masks(_with_folders(chosen, parts))
    found = Draft(
        export=export,
        name=name,
        root=(export.settings.train_path or places.resolve(destination).as_posix()).rstrip("/\\") or "/",
        parts=tuple(parts),
        left_out=tuple(sorted(left, key=lambda one: (one.cause, one.path))),
        notes=tuple(_notes(export, chosen, parts)),
    )
    if not found.subject():
        raise ExportError(f"Nothing is left to export of {export.folder}", "Keep more pictures, or scan another folder")
    steps = true_steps(found)
    return replace(found, steps=steps.steps, epochs=steps.epochs) if steps else found


def encoding_of(facts: Facts, suffix: str, wanted: Format) -> tuple[Encoding | None, str, tuple[str, ...]]:
    """(encoding, suffix, reasons) of the file that is written; encoding None where the bytes can stay.

    Lossless pictures become PNG and lossy ones JPEG of high quality, so that nothing visible is lost.
    """
    proper = _SUFFIXES.get(facts.format, ())
    right = suffix.lower() if suffix.lower() in proper else (proper or (suffix,))[0]
    reasons = is_plain(facts, right)
    named = tuple(reason for reason in is_plain(facts, suffix) if reason not in reasons)
    target: Encoding = _LOSSY.get(facts.format, "png") if wanted == "keep" else wanted
    if wanted != "keep" and _ENCODED.get(facts.format) != wanted:
        reasons += (f"all are wanted as {wanted}",)
    return (target, f".{target}", reasons) if reasons else (None, right, named)


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


def _copies(items: Sequence[Item]) -> dict[str, list[Item]]:
    """The copies that are left out, by their keeper's path, the nearest first."""
    found: dict[str, list[Item]] = {}
    for item in items:
        if item.evidence and not item.kept:
            found.setdefault(item.evidence.keeper, []).append(item)
    for copies in found.values():
        copies.sort(key=lambda one: (-_nearness(one), one.picture.path))
    return found


def _nearness(item: Item) -> float:
    correlation = item.evidence.correlation if item.evidence else None
    return 1.0 if correlation is None else correlation


def _parts(export: Export, kept: Sequence[Item], name: str) -> dict[_Key, list[Item]]:
    """The pictures by part: folders with repeats of their own stay, all others are thrown together."""
    values, settings = export.values, export.settings
    found: dict[_Key, list[Item]] = {}
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
        label = names.safe(text, "regularisation" if picture.role == "regularisation" else "set")
        key = _Key(role=picture.role, own=bool(match), label=label, repeats=_checked(settings.trainer, repeats))
        found.setdefault(key, []).append(item)
    order = sorted(found, key=lambda one: (one.role == "regularisation", one.own, one.label, one.repeats))
    return {key: found[key] for key in order}


def _checked(trainer: str, repeats: float) -> float:
    if repeats <= 0 or (repeats != int(repeats) and (trainer == "folder" or get(trainer).whole_repeats)):
        raise TrainerError(trainer, f"repeats is {repeats!r}", "Give a whole number of at least 1")
    return int(repeats) if repeats == int(repeats) else repeats


def _captioned(
    export: Export, key: _Key, items: Sequence[Item], copies: Mapping[str, Sequence[Item]], name: str
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


def _placed(export: Export, chosen: Layout, key: _Key, items: Sequence[tuple[Item, Caption]]) -> Part:
    paths = [item.picture.path for item, _ in items]
    stems = names.unique_stems(paths)
    if chosen.numbered:
        stems = [f"{number:0{max(4, len(str(len(paths))))}d}" for number in range(1, len(paths) + 1)]
    placed = []
    for (item, caption), stem in zip(items, stems, strict=True):
        encoding, suffix, fixes = encoding_of(
            item.facts, posixpath.splitext(item.picture.path)[1], export.settings.format
        )
        own = posixpath.splitext(posixpath.basename(item.picture.path))[0]
        if stem != own:
            fixes += ("its name would be misread, refused or taken twice",) if not chosen.numbered else ("numbered",)
        mask = _mask(export, item) if chosen.reads_masks and key.role == "subject" else None
        placed.append(
            Placed(item=item, stem=stem, suffix=suffix, encoding=encoding, fixes=fixes, caption=caption, mask=mask)
        )
    folder = chosen.folder(key.label, key.repeats, key.role, own=key.own)
    in_order = tuple(sorted(placed, key=lambda one: one.file))
    return Part(label=key.label, repeats=key.repeats, role=key.role, folder=folder, pictures=in_order)


def _mask(export: Export, item: Item) -> PlaceMask | None:
    picture, facts = item.picture, item.facts
    size = facts.width, facts.height
    if picture.mask_path:
        return PlaceMask(to="", size=size, source=picture.mask_path, orientation=facts.orientation)
    if export.settings.alpha_masks and facts.has_alpha:
        return PlaceMask(to="", size=size, source=picture.path, alpha_of_source=True)
    return None


def _with_masks(parts: list[Part]) -> list[Part]:
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


def _with_folders(chosen: Layout, parts: list[Part]) -> list[Part]:
    """Parts in folders of their own; a trainer without subsets has them thrown together."""
    if not chosen.numbered:
        folders = names.unique([part.folder for part in parts])
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


def _notes(export: Export, chosen: Layout, parts: Sequence[Part]) -> Iterator[str]:
    trainer = export.settings.trainer
    subject = [placed for part in parts if part.role == "subject" for placed in part.pictures]
    masks = sum(bool(one.item.picture.mask_path) for one in subject)
    regularised = any(part.role == "regularisation" for part in parts)
    if masks and not chosen.reads_masks:
        yield f"{trainer} reads no masks: those of {masks} pictures are not used."
    if trainer == "kohya" and regularised and any(part.masked for part in parts):
        yield "sd-scripts trains no masks beside regularisation pictures: they are written, and named in no config."
    if regularised and trainer in ("musubi", "diffusion-pipe"):
        yield f"{trainer} has no regularisation: those pictures train like any other folder."
    unnamed = sum(
        one.caption.text == NO_CLASS for part in parts if part.role == "regularisation" for one in part.pictures
    )
    if unnamed:
        yield f"{unnamed} regularisation pictures have no caption: {NO_CLASS!r} is written. --class names their class."
