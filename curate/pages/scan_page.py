"""The page that `curate scan` prints: what you have, what to leave out and why, what to look at, what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import floor

from curate.pages.lines import FEW, Line, clean, entry, plural, some, wrap
from curate.pages.views_section import views_section
from curate.records import Analysis, Group, LeftOut, Member


def scan_page(analysis: Analysis, everything: bool = False) -> list[Line]:
    """The page for one analysis; `everything` prints the long lists whole."""
    few = 10**9 if everything else FEW
    sections = (
        _head(analysis),
        _what_you_have(analysis),
        _leave_out(analysis, few),
        _left_out_by_you(analysis, few),
        _look_alike(analysis, few),
        views_section(analysis, few),
        _look_at(analysis, few),
        _captions(analysis, few),
        _not_pictures(analysis, few),
        _next(analysis),
    )
    lines: list[Line] = []
    for section in sections:
        body = list(section)
        if body and lines:
            lines.append(Line(text=""))
        lines += body
    return lines


def _head(analysis: Analysis) -> Iterator[Line]:
    model = analysis.model
    yield from wrap(f"curate scan {analysis.catalog.folder}", 0, "title")
    yield from wrap(f"Seen by {model.why or f'{model.name} on {model.device}'}.", 0, "dim")
    if analysis.decisions:
        they = "is" if analysis.decisions == 1 else "are"
        said = f"{plural(analysis.decisions, 'decision')} of yours {they} honoured (`curate decisions` lists them)."
        yield from wrap(said, 0)
    for note in analysis.notes:
        yield from wrap(f"Note: {note}", 0, "warn", hanging=6)


def _what_you_have(analysis: Analysis) -> Iterator[Line]:
    diversity = analysis.diversity
    yield Line(text="WHAT YOU HAVE", style="head")
    about = "at least" if diversity.at_least else "about"
    said = plural(diversity.files, "picture")
    folded = diversity.files - diversity.photographs
    different = plural(diversity.photographs, "different photograph") if folded else "no two of them copies"
    words = f"{said}, {different}"
    if not diversity.measured:
        yield from wrap(f"{words}. How many effective images they are worth was not measured.", 2, "name")
        yield from _beside(analysis)
        return
    yield from wrap(f"{words}, worth {about} {diversity.effective_images:.1f} effective images.", 2, "name")
    if analysis.model.calibrated:
        yield from wrap(
            f"Range {diversity.low:.1f} to {diversity.high:.1f}. An effective image is one that no other picture of "
            "the set comes near: copies count once, near-identical frames hardly more.",
            2,
        )
    else:
        yield from wrap(
            "Not calibrated: this model cannot tell a new view from a copy, so take the number of effective images as "
            "no more than a hint.",
            2,
            "warn",
        )
    if diversity.kernel_limited:
        yield from wrap(
            "The model sees all of these pictures as much alike, and that, more than the pictures, holds the number "
            "down: read it as a lower bound.",
            2,
            "warn",
        )
    if diversity.evenness < 0.8 and folded:
        yield from wrap(
            f"Trained as they lie, the copies would take exposures from the rest: the set would act like "
            f"{diversity.evenness * diversity.effective_images:.1f} effective images.",
            2,
        )
    yield from _beside(analysis)


def _beside(analysis: Analysis) -> Iterator[Line]:
    yield from _subsets(analysis)
    if analysis.catalog.broken:
        yield from wrap(f"{plural(len(analysis.catalog.broken), 'file')} broken, see below.", 2, "warn")
    if analysis.recall is not None:
        yield from wrap(
            f"So many pictures are not compared each with each other: of the nearest neighbours that this would find, "
            f"{floor(1000 * analysis.recall) / 10:.1f} % were found, as a sample shows. A few copies may be missed.",
            2,
        )


def _subsets(analysis: Analysis) -> Iterator[Line]:
    subject = [p for p in analysis.catalog.pictures if p.role == "subject"]
    regularisation = len(analysis.catalog.pictures) - len(subject)
    laid_out = Counter((p.subset, p.repeats) for p in subject)
    if any(repeats > 1 for _, repeats in laid_out):
        text = "; ".join(f"{name or '.'}: {n} x {repeats}" for (name, repeats), n in sorted(laid_out.items()))
        yield from wrap(f"Laid out with repeats, which recommend and export honour: {text}.", 2)
    if regularisation:
        beside = plural(regularisation, "regularisation picture")
        yield from wrap(f"{beside} beside them, not counted as the subject.", 2)
    if analysis.shared:
        one_of_them = len(analysis.shared) == 1
        copies = "One of these is a copy" if one_of_them else f"{len(analysis.shared):,} of these are copies"
        yield from wrap(
            f"{copies} of the subject's pictures, and would be taught as both. Remove them there:", 2, "warn"
        )
        for one in analysis.shared:
            match = "" if one.correlation is None else f" (match {one.correlation:.2f})"
            yield from entry(one.regularisation, f"{one.edit}, of {clean(one.path)}{match}", 4, 28)


def _leave_out(analysis: Analysis, few: int) -> Iterator[Line]:
    groups = [group for group in analysis.groups if group.kind != "lookalike"]
    if not groups:
        return
    members = [member.row for group in groups for member in group.members]
    dropped = sum(not analysis.kept[row] for row in members)
    said = f"leave out {plural(dropped, 'file')}, each proved against the one that is kept"
    yield Line(text=f"COPIES: {said if dropped else 'all stay, since they lie in different subsets'}", style="head")
    for group in groups[:few]:
        yield from _group(analysis, group, few)
    if len(groups) > few:
        yield Line(text=f"  and {len(groups) - few} more groups (--all shows them)", style="dim")


def _left_out_by_you(analysis: Analysis, few: int) -> Iterator[Line]:
    folded = {member.row for group in analysis.groups if group.kind != "lookalike" for member in group.members}
    rows = [row for row, kinds in enumerate(analysis.decided) if "leave_out" in kinds and row not in folded]
    if rows:
        yield Line(text=f"LEFT OUT BY YOU: {plural(len(rows), 'picture')}, and the copies of them", style="head")
        yield from wrap(some([analysis.catalog.pictures[row].path for row in rows], few), 2)


def _group(analysis: Analysis, group: Group, few: int) -> Iterator[Line]:
    name = clean(analysis.catalog.pictures[group.keeper].path)
    said = f"kept: {group.reason}" if analysis.kept[group.keeper] else "left out by you, and its copies with it"
    yield from wrap(f"{name}  {said}", 2, "name", hanging=4)
    for member in group.members[:few]:
        yield from _member(analysis, member)
    if len(group.members) > few:
        yield Line(text=f"    and {len(group.members) - few} more", style="dim")


def _member(analysis: Analysis, member: Member) -> Iterator[Line]:
    picture = analysis.catalog.pictures[member.row]
    text = member.edit
    if member.kind == "copy" and member.correlation is not None:
        text += f" (match {member.correlation:.2f})"
    if member.kind != "lookalike" and analysis.kept[member.row]:
        kept_by_you = analysis.decided and "keep" in analysis.decided[member.row]
        text += " - stays, since you keep it" if kept_by_you else " - stays, since it lies in a subset of its own"
    yield from entry(picture.path, text, 4, 28)


def _look_alike(analysis: Analysis, few: int) -> Iterator[Line]:
    groups = [group for group in analysis.groups if group.kind == "lookalike"]
    if not groups:
        return
    yield Line(text="LOOK ALIKE: all kept; those that add little share their exposures", style="head")
    weights = analysis.diversity.weights
    for group in groups[:few]:
        rows = [group.keeper, *(member.row for member in group.members)]
        worth = f" worth {float(sum(weights[row] for row in rows)):.1f} effective images"
        name = clean(analysis.catalog.pictures[group.keeper].path)
        said = f"{name}  {len(rows)} pictures{worth if analysis.diversity.measured else ''}"
        yield from wrap(said, 2, "name", hanging=4)
        for member in group.members[:few]:
            yield from _member(analysis, member)
        if len(group.members) > few:
            yield Line(text=f"    and {len(group.members) - few} more", style="dim")
    if len(groups) > few:
        yield Line(text=f"  and {len(groups) - few} more groups (--all shows them)", style="dim")


def _look_at(analysis: Analysis, few: int) -> Iterator[Line]:
    found = [
        (analysis.catalog.pictures[row].path, check.finding)
        for row, checks in enumerate(analysis.checks)
        for name, check in checks.items()
        if check.finding is not None and not name.startswith("caption") and analysis.kept[row]
    ]
    if not found:
        return
    yield Line(text="LOOK AT: a warning drops nothing, you decide", style="head")
    for path, finding in found[: 2 * few]:
        yield from entry(path, finding, 2, 28)
    if len(found) > 2 * few:
        yield Line(text=f"  and {len(found) - 2 * few} more (--all shows them)", style="dim")


def _captions(analysis: Analysis, few: int) -> Iterator[Line]:
    kept: dict[str, list[str]] = {}
    left_out: list[str] = []
    for row, checks in enumerate(analysis.checks):
        path = clean(analysis.catalog.pictures[row].path)
        for name, check in checks.items():
            if check.finding is None or not name.startswith("caption"):
                continue
            if analysis.kept[row]:
                kept.setdefault(check.finding, []).append(path)
            elif name == "caption":
                left_out.append(path)
    if not kept and not left_out:
        return
    yield Line(text="CAPTIONS", style="head")
    for finding, names in kept.items():
        yield from wrap(f"{plural(len(names), 'file')}: {finding}", 2)
        yield from wrap(some(names, few), 4, "dim")
    if left_out:
        yield from wrap("without a usable one too, but left out as copies:", 2)
        yield from wrap(some(left_out, few), 4, "dim")


def _not_pictures(analysis: Analysis, few: int) -> Iterator[Line]:
    catalog = analysis.catalog
    for title, files in (("BROKEN", catalog.broken), ("IGNORED", catalog.ignored)):
        if files:
            yield Line(text=title, style="head")
            yield from _files(files, few)


def _files(files: Sequence[LeftOut], few: int) -> Iterable[Line]:
    for file in files[:few]:
        yield from entry(file.path, file.reason, 2, 28)
    if len(files) > few:
        yield Line(text=f"  and {len(files) - few} more (--all shows them)", style="dim")


def _next(analysis: Analysis) -> Iterator[Line]:
    yield Line(text="NEXT", style="head")
    yield Line(text="  curate review                         look at it and decide, with the keyboard")
    yield Line(text="  curate recommend --target-steps 1000  what to set, and whether it will overfit")
    yield Line(text="  curate export ./clean                 a cleaned copy; nothing here is changed")
