"""What an export does, in lines: the same for a dry run and the real one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path

from curate.output.layouts import layout
from curate.output.layouts.base import HOW_TO
from curate.output.records import Cause, Changes, Draft, Left, Part
from curate.trainers import get

CAUSES: Mapping[Cause, str] = {  # in the order in which they are told
    "copy": "copies",
    "decided": "decided by you",
    "small": "too small",
    "no caption": "without caption",
    "broken": "broken",
    "ignored": "ignored",
}


def lines(draft: Draft, destination: str | Path, changes: Changes | None = None) -> tuple[str, ...]:
    """The whole listing: where things go, what is changed, what is left out and why, and the closing lines.

    `changes`: what an update does to the set that is there.
    """
    return (
        *_parts(draft),
        *_pixels(draft),
        *_captions(draft),
        *_left_out(draft),
        *draft.notes,
        *(_changes(changes) if changes else ()),
        *_closing(draft, destination),
    )


def _changes(changes: Changes) -> Iterator[str]:
    """What an update does to the set that is there."""
    for title, paths in (("added", changes.added), ("changed", changes.changed), ("removed", changes.removed)):
        if paths:
            yield f"{_count(len(paths), 'file')} {title}:"
            yield from (f"  {path}" for path in paths)
    foreign = f"; {_count(len(changes.foreign), 'file')} of yours left alone" if changes.foreign else ""
    yield (
        f"update: {len(changes.added):,} added, {len(changes.changed):,} changed, {len(changes.removed):,} removed, "
        f"{len(changes.unchanged):,} as before{foreign}"
    )


def _parts(draft: Draft) -> Iterator[str]:
    trainer = draft.settings.trainer
    title = get(trainer).title if trainer != "folder" else "any trainer"
    yield f"{draft.export.folder} for {title}:"
    for part in draft.every():
        yield f"  {_name(part)}: {_count(len(part.pictures), 'picture')}{_times(draft, part)}"


def _name(part: Part) -> str:
    return f"{part.folder}/" if part.folder else "./"


def _times(draft: Draft, part: Part) -> str:
    if part.held_out:
        return ", held out"
    if draft.settings.trainer == "folder":
        return ""
    return f", {part.repeats:g} x an epoch" + (" (regularisation)" if part.role == "regularisation" else "")


def _pixels(draft: Draft) -> Iterator[str]:
    anew = [(path, one) for path, one in draft.pictures() if one.encoding]
    renamed = [(path, one) for path, one in draft.pictures() if not one.encoding and one.fixes]
    for title, rows in (("written anew", anew), ("renamed", renamed)):
        if rows and not (layout(draft.settings.trainer).numbered and title == "renamed"):
            yield f"{_count(len(rows), 'picture')} {title}:"
            yield from (f"  {one.item.picture.path} -> {path}: {'; '.join(one.fixes)}" for path, one in rows)


def _captions(draft: Draft) -> Iterator[str]:
    changed = [one for _, one in draft.pictures() if one.caption.changes]
    if changed:
        yield f"{_count(len(changed), 'caption')} changed:"
        yield from (f"  {one.item.picture.path}: {'; '.join(one.caption.changes)}" for one in changed)


def _left_out(draft: Draft) -> Iterator[str]:
    if draft.left_out:
        yield f"{_count(len(draft.left_out), 'file')} left out:"
        ranks = {cause: rank for rank, cause in enumerate(CAUSES)}
        ordered = sorted(draft.left_out, key=lambda left: (ranks[left.cause], left.path))
        yield from (f"  {left.path}: {left.reason}" for left in ordered)


def _closing(draft: Draft, destination: str | Path) -> Iterator[str]:
    written = sum(len(part.pictures) for part in draft.every())
    left = _count(len(draft.left_out), "file")
    yield f"{_count(written, 'picture')} written, {left} left out{_by_cause(draft.left_out)}"
    made = sum(one.caption.made for _, one in draft.pictures())
    yield f"captions: {written - made} of yours, {made} written by curate"
    yield from _location(draft)
    chosen = layout(draft.settings.trainer)
    if chosen.config:
        beside = destination / chosen.config if isinstance(destination, Path) else f"{destination}/{chosen.config}"
        yield f"configuration: {beside}"
    if draft.steps:
        yield f"steps: {draft.steps:,} in {draft.epochs:,} epochs"
    if command := chosen.command(draft):
        yield "start with:"
        yield from (f"  {line}" for line in command.split("\n"))
    if draft.settings.trainer == "kohya":  # the others' windows open the configuration themselves
        yield from takewhile(bool, chosen.window(draft))
        yield f"(these lines, and more fields, are in {HOW_TO})"


def _location(draft: Draft) -> Iterator[str]:
    """Where pictures were taken, and whether the set tells it."""
    found = Counter(one.location for _, one in draft.pictures())
    if found["taken out"]:
        yield f"location: taken out of {_count(found['taken out'], 'picture')}"
    if found["kept"]:
        yield f"location: {_count(found['kept'], 'picture')} still tell where they were taken, by --keep-location"


def _by_cause(left_out: tuple[Left, ...]) -> str:
    counts = Counter(left.cause for left in left_out)
    told = [f"{word} {counts[cause]}" for cause, word in CAUSES.items() if counts[cause]]
    return f" ({', '.join(told)})" if told else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
