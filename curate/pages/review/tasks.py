"""The queue: what needs a person, the most valuable first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from curate.decisions import Decisions
from curate.records import Analysis, Group, Member

Sort = Literal["uncertain", "copies", "lookalikes", "poor", "no_caption", "conflict", "view"]
# In the order of what a wrong answer costs: a copy that is none loses a photograph, a copy that stays is trained twice;
# the rest changes less. Within a sort the tasks stand by their own worth.
ORDER: tuple[Sort, ...] = ("uncertain", "copies", "lookalikes", "poor", "no_caption", "conflict", "view")
BORDERLINE = 0.95  # block correlation below which a copy is looked at first: on 79 photographs with 34 kinds of edits
# copies had 0.93 to 1.00 and different photographs of one subject at most 0.90
UNSURE = 0.6  # 0-1, confidence of a view below which a person is asked
MANY = 12  # pictures without caption from which on they are one question: a page of the grid
CAPTION_CHECKS = frozenset({"caption", "caption_shared", "caption_conflict"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One question to a person."""

    key: str  # the same for the same question in every run
    sort: Sort
    rows: tuple[int, ...]  # of the catalog; the keeper first
    title: str
    why: str
    worth: float  # within its sort, the most first
    done: bool


def tasks(analysis: Analysis, decisions: Decisions) -> tuple[Task, ...]:
    """All questions that a set raises, with those that were answered marked as done."""
    found = [*_of_groups(analysis, decisions), *_of_pictures(analysis, decisions)]
    return tuple(sorted(found, key=lambda task: (ORDER.index(task.sort), -round(task.worth, 4), task.key)))


def _of_groups(analysis: Analysis, decisions: Decisions) -> Iterator[Task]:
    pictures = analysis.catalog.pictures
    conflicts = set()
    for group in analysis.groups:
        members = sorted(group.members, key=_doubt, reverse=True)  # the doubtful ones are looked at first
        rows = (group.keeper, *(member.row for member in members))
        key = _key(sorted(pictures[row].digest for row in rows))
        if group.kind == "lookalike":
            done = all(decisions.keep_of(pictures[row]) is not None for row in rows)
            yield _task("lookalikes", key, rows, done, _alike(group), float(len(rows)))
            continue
        doubt = _doubt(members[0]) if members else 0.0
        done = any(decisions.keeper_rank(pictures[row]) for row in rows)
        done = done or all(decisions.keep_of(pictures[row]) is not None for row in rows[1:])
        sort: Sort = "uncertain" if doubt > 0 else "copies"
        told = _doubtful(members[0], len(rows)) if sort == "uncertain" else _copies(group)
        yield _task(sort, key, rows, done, told, doubt or float(len(rows)))
        check = analysis.checks[group.keeper].get("caption_conflict")
        if check is not None and check.finding and group.keeper not in conflicts:
            conflicts.add(group.keeper)
            told = (f"{int(check.value)} captions for one photograph", check.finding)
            settled = decisions.caption_of(pictures[group.keeper]) is not None
            yield _task("conflict", key, rows, settled, told, float(analysis.diversity.weights[group.keeper]))


def _of_pictures(analysis: Analysis, decisions: Decisions) -> Iterator[Task]:
    bare: list[int] = []
    for row, picture in enumerate(analysis.catalog.pictures):
        decided = decisions.keep_of(picture)
        if picture.role != "subject" or not (analysis.kept[row] or decided is False):
            continue
        weight = float(analysis.diversity.weights[row])
        findings = [
            check.finding
            for name, check in analysis.checks[row].items()
            if check.finding and name not in CAPTION_CHECKS
        ]
        if findings:
            told = (findings[0].split(":")[0].capitalize(), "; ".join(findings))
            yield _task(
                "poor", _key((picture.digest, picture.path)), (row,), decided is not None, told, len(findings) + weight
            )
        caption = analysis.checks[row].get("caption")
        if decided is not False and caption is not None and caption.finding:
            bare.append(row)
        yield from _of_view(analysis, decisions, row)
    yield from _of_uncaptioned(analysis, decisions, bare)


def _of_uncaptioned(analysis: Analysis, decisions: Decisions, rows: Sequence[int]) -> Iterator[Task]:
    """One question each, or one for all: a set without captions is not asked a hundred times."""
    pictures = analysis.catalog.pictures
    if len(rows) > MANY:
        told = (f"{len(rows)} without caption", "write them, or name one word for all when exporting")
        yield _task("no_caption", "all", tuple(rows), False, told, float(len(rows)))
        return
    for row in rows:
        told = ("Caption missing", analysis.checks[row]["caption"].finding or "")
        key = _key((pictures[row].digest, pictures[row].path))
        empty = decisions.caption_of(pictures[row]) is not None  # it is meant to be empty
        yield _task("no_caption", key, (row,), empty, told, float(analysis.diversity.weights[row]))


def _of_view(analysis: Analysis, decisions: Decisions, row: int) -> Iterator[Task]:
    if not analysis.views:
        return
    picture, view = analysis.catalog.pictures[row], analysis.views[row]
    decided = decisions.view_of(picture.digest) is not None
    unsure = bool(view.sources) and view.yaw_deg is not None and view.confidence < UNSURE
    if decided or unsure or view.notes:
        why = view.notes[0] if view.notes else f"sure by {100 * view.confidence:.0f} % of its view"
        told = ("View decided" if decided else "View uncertain", why)
        worth = 1 - view.confidence
        yield _task("view", picture.digest[:16], (row,), decided, told, worth)


def _key(digests: Sequence[str]) -> str:
    """The same for the same pictures, whichever of them is the keeper."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]


def _task(sort: Sort, key: str, rows: tuple[int, ...], done: bool, told: tuple[str, str], worth: float) -> Task:
    title, why = told
    family = "copies" if sort == "uncertain" else sort  # a doubt that is dispelled leaves the same question
    return Task(key=f"{family}:{key}", sort=sort, rows=rows, title=title, why=why, worth=worth, done=done)


def _doubt(member: Member) -> float:
    """0: a plain copy. The more, the nearer its evidence is to the border, or the more of it was changed."""
    near = 0.0 if member.correlation is None else max(0.0, BORDERLINE - member.correlation)
    changed = member.changed.share if member.changed is not None else 0.0
    return near + changed


def _doubtful(member: Member, files: int) -> tuple[str, str]:
    if member.changed is not None:
        part = f"{100 * member.changed.share:.1f} % of the picture"
        return f"One photograph? {files} files", f"a part was changed ({part}): an edit, or another photograph?"
    near = f"correlation {member.correlation:.2f}; plain copies have {BORDERLINE} and more"
    return f"One photograph? {files} files", near


def _copies(group: Group) -> tuple[str, str]:
    files = len(group.members) + 1
    if group.kind == "identical":
        return f"{files} files, one photograph", "the same pixels"
    return f"{files} files, one photograph", f"the keeper is {group.reason}" if group.reason else "proved copies"


def _alike(group: Group) -> tuple[str, str]:
    return f"{len(group.members) + 1} look-alikes", "different photographs that add little beside each other"
