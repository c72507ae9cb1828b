"""Captions in the shape that a trainer reads: never empty, UTF-8, nothing that would be misread."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from curate.errors import ExportError
from curate.output.records import Caption, Item, Settings

Shape = Literal["first line", "alternatives", "whole"]
"""What a trainer makes of a caption of several lines: the first is read, one is drawn, all of it is read."""

POLICIES = "name, class:WORD, skip or error"
_LINE_ENDS = re.compile("\r\n|[\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f\ufeff]")  # control characters but tab and line ends; byte order mark
DECIDED = "decided by you"  # where a caption comes from that comes from no file
_LISTS = ("captions.json",)  # diffusion-pipe: several captions of a picture, as alternatives


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What captions become."""

    shape: Shape
    trigger: str  # "" for none
    missing: str | None  # what is written where there is none; None: the picture is left out
    copies: Literal["keep", "longest", "merge-tags"] = "keep"
    error: bool = False  # a missing caption ends the export


def rules_of(settings: Settings, shape: Shape, name: str, fallback: str) -> Rules:
    """The subject's rules. `fallback`: the text where the policy is left open.

    Raises ExportError for an unknown policy.
    """
    policy, _, word = settings.no_caption.partition(":")
    if policy not in ("", "name", "class", "skip", "error") or (policy == "class") != bool(word.strip()):
        raise ExportError(f"--no-caption {settings.no_caption!r} is unknown", f"Give {POLICIES}")
    missing: str | None = {"name": name, "class": word.strip(), "": fallback}.get(policy)
    return Rules(
        shape=shape,
        trigger=settings.trigger.strip(),
        missing=missing,
        copies=settings.copy_captions,
        error=policy == "error",
    )


def caption_of(item: Item, copies: Sequence[Item], rules: Rules) -> Caption | None:
    """The caption of a picture, in shape; None where it is left out for want of one.

    `copies`: the copies of it that are left out, nearest first. Raises ExportError where a caption is demanded.
    """
    text, source, changes = _chosen(item, copies, rules)
    made = not text
    if made:
        if rules.error:
            raise ExportError(f"{item.picture.path} has no caption", f"Write one, or give --no-caption {POLICIES}")
        if rules.missing is None:
            return None
        text, source = _clean(rules.missing), None
        changes.append(f"there was none: {text!r} is written")
    text = _shaped(text, item, rules.shape, changes)
    if rules.trigger:
        text = _with_trigger(text, rules, changes)
    return Caption(text=text, source=source, changes=tuple(changes), made=made)


def copies_of(items: Sequence[Item]) -> dict[str, list[Item]]:
    """The copies that are left out, by their keeper's path, the nearest first."""
    found: dict[str, list[Item]] = {}
    for item in items:
        if item.evidence and not item.kept:
            found.setdefault(item.evidence.keeper, []).append(item)
    for copies in found.values():
        copies.sort(key=lambda one: (-_nearness(one), one.picture.path))
    return found


def uncaptioned(items: Sequence[Item]) -> frozenset[str]:
    """The paths of kept pictures that have no caption of their own or of a copy, and that `skip` leaves out."""
    copies = copies_of(items)
    return frozenset(
        item.picture.path
        for item in items
        if item.kept and not any(_usable(one)[0] for one in (item, *copies.get(item.picture.path, ())))
    )


def _nearness(item: Item) -> float:
    correlation = item.evidence.correlation if item.evidence else None
    return 1.0 if correlation is None else correlation


def _chosen(item: Item, copies: Sequence[Item], rules: Rules) -> tuple[str, str | None, list[str]]:
    own, changes = _usable(item)
    source = item.picture.caption_path if own else None
    others = [(copy, text) for copy in copies if (text := _usable(copy)[0])]
    if not others:
        return own, source, changes
    if not own or (rules.copies == "longest" and len(max((t for _, t in others), key=len)) > len(own)):
        copy, text = max(others, key=lambda pair: len(pair[1])) if rules.copies == "longest" else others[0]
        return text, copy.picture.caption_path, [f"taken from its copy {copy.picture.path}"]
    if rules.copies == "merge-tags":
        merged = _merged([own, *(text for _, text in others)])
        if merged != own:
            return merged, source, [*changes, "tags of its copies added"]
    return own, source, changes


def _usable(item: Item) -> tuple[str, list[str]]:
    """The clean text, "" where there is none, and what was wrong with it."""
    raw = item.picture.caption or ""
    changes = []
    if item.picture.caption_problem == "not_utf8" and raw:
        changes.append("was not UTF-8")
    text = _clean(raw)
    if text and item.picture.caption_path is None:
        changes.append(DECIDED)
    if text and text != raw.strip():
        changes.append("invisible characters and line ends cleaned")
    return text, changes


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():  # nothing to mend but its ends
        return text.strip()
    sound = text.encode("utf-8", "replace").decode("utf-8")
    lines = _LINE_ENDS.sub("\n", _UNSEEN.sub("", sound)).split("\n")
    return "\n".join(line.strip() for line in lines).strip()


def _shaped(text: str, item: Item, shape: Shape, changes: list[str]) -> str:
    lines = [line for line in text.split("\n") if line]
    if len(lines) < 2 or shape == "whole":
        return text
    if shape == "alternatives":
        changes.append(f"{len(lines)} lines: one of them is drawn each time")
        return "\n".join(lines)
    if (item.picture.caption_path or "").lower().endswith(_LISTS):
        changes.append(f"the first of {len(lines)} captions, since only one is read")
        return lines[0]
    changes.append(f"{len(lines)} lines joined, since only the first is read")
    joined = lines[0]
    for line in lines[1:]:
        joined += (" " if joined[-1] in ",;:.!?" else ", ") + line
    return joined


def _with_trigger(text: str, rules: Rules, changes: list[str]) -> str:
    word = re.compile(rf"(?<!\w){re.escape(rules.trigger)}(?!\w)", re.IGNORECASE)
    lines = text.split("\n") if rules.shape == "alternatives" else [text]
    fixed = [line if word.search(line) else f"{rules.trigger}, {line}" for line in lines]
    if fixed != lines:
        changes.append(f"trigger word {rules.trigger!r} added")
    return "\n".join(fixed)


def _merged(texts: Sequence[str]) -> str:
    """The first text's tags, then those that only others have."""
    seen: dict[str, str] = {}
    for text in texts:
        for tag in re.split(r"[,\n]", text):
            if tag.strip():
                seen.setdefault(tag.strip().casefold(), tag.strip())
    return ", ".join(seen.values())
