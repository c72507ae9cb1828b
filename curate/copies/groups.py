"""Groups as stars: each photograph has one keeper, and every copy is a direct, proved copy of it.

Walking from the best file to the worst, each takes its unclaimed direct copies; what is a copy of a copy is compared
with the keeper itself before it may join. So chains cannot swallow a set, and the result does not depend on the order
of the files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations, islice
from math import log2

from curate.copies import edits
from curate.copies.align import Proof
from curate.copies.edits import Box, File
from curate.records import Group, Kind, Member, Picture

Prove = Callable[[int, int], Proof | None]
Similarity = Callable[[int, int], float | None]

VOTERS = 2  # copies, at least, that together can say that a picture was changed
ASKED = 64  # pairs of a picture's copies that are compared, at most, to find two that agree
QUALITY = 12.0  # steps of JPEG quality within which two files count as equally compressed
CLEANER = 0.15  # octaves of content pixels within which two files count as equally large
SHARPER = 1.25  # ratio of the finest contrast from which one of two equally large files is the better one


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What grouping needs: rows are those of the catalog; only `rows` are grouped."""

    rows: Sequence[int]
    pictures: Sequence[Picture]
    files: Sequence[File]
    proofs: Mapping[tuple[int, int], Proof]  # (a, b), a < b: one photograph
    prove: Prove  # any pair, as a map from the first to the second
    similarity: Similarity  # cosine of two rows; None where nothing was embedded
    alike: Mapping[int, Sequence[int]]  # row -> rows whose kernel value with it is at least 1/2
    recall: float | None = None  # share of the nearest neighbours that were found, by a sample; None: all compared
    not_copies: frozenset[tuple[str, str]] = frozenset()  # pairs of digests that a person has parted
    faces: Mapping[int, Box] = field(default_factory=dict)  # row -> where its largest face is, if one was found
    chosen: Mapping[int, int] = field(default_factory=dict)  # row -> above 0 where a person chose it as keeper; of two
    # in one group the greater wins


def stars(evidence: Evidence) -> tuple[Group, ...]:
    """Groups of identical files and copies, then of look-alikes among the keepers; each sorted by its keeper's name.

    A picture is a member of at most one group of each sort.
    """
    twins = _twins(evidence)
    links = _Links(evidence, twins)
    ranks = _ranks(evidence, links)
    order = sorted(twins, key=ranks.__getitem__)
    copies, claimed = [], set()
    for keeper in order:
        if keeper in claimed:
            continue
        claimed.add(keeper)
        taken = links.star(keeper, claimed)
        claimed.update(taken)
        group = _copy_group(evidence, links, keeper, sorted(taken, key=ranks.__getitem__), ranks)
        if group is not None:
            copies.append(group)
    keepers = _keepers(evidence, twins, copies)
    alike = _lookalikes(evidence, links, sorted(keepers, key=lambda row: ranks[links.head[row]]))
    name = lambda group: natural(evidence.pictures[group.keeper].path)
    return (*sorted(copies, key=name), *sorted(alike, key=name))


@lru_cache(maxsize=2**16)  # a set that is decided again and again asks for the same names
def natural(path: str) -> tuple[object, ...]:
    """A sort key that puts img2 before img10."""
    parts = re.split(r"(\d+)", path.casefold())
    return (*((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p), path)


def _twins(evidence: Evidence) -> dict[int, list[int]]:
    """Files with equal pixels under one head each: the one whose file is best."""
    by_pixels = defaultdict(list)
    for row in evidence.rows:
        by_pixels[evidence.files[row].facts.pixel_digest].append(row)

    def better(row: int) -> tuple[object, ...]:
        picture = evidence.pictures[row]
        lossless = evidence.files[row].facts.format in ("PNG", "BMP", "TIFF", "WEBP", "GIF")
        chosen = evidence.chosen.get(row, 0)
        return (-chosen, picture.caption_problem is not None, not lossless, natural(picture.path))

    heads: dict[int, list[int]] = {}
    for rows in by_pixels.values():
        first, *others = sorted(rows, key=better)
        parted = [row for row in others if _are_parted(evidence, first, row)]
        heads[first] = [row for row in others if row not in parted]
        heads |= {row: [] for row in parted}
    return heads


def _are_parted(evidence: Evidence, a: int, b: int) -> bool:
    """Whether a person said that these two are no copies of each other."""
    one, other = sorted((evidence.pictures[a].digest, evidence.pictures[b].digest))
    return (one, other) in evidence.not_copies


class _Links:
    """Which heads are copies of which, asked lazily where copies of copies meet."""

    def __init__(self, evidence: Evidence, twins: Mapping[int, list[int]]) -> None:
        self.evidence, self.twins = evidence, twins
        self.head = {row: head for head, others in twins.items() for row in (head, *others)}
        self.near: dict[int, set[int]] = defaultdict(set)
        self.parted = self._parted()
        for (a, b), proof in evidence.proofs.items():
            one, other = self.head.get(a), self.head.get(b)
            if one is not None and other is not None and one != other and self._copy(one, other, proof):
                self.near[one].add(other)
                self.near[other].add(one)

    def _parted(self) -> set[tuple[int, int]]:
        """Pairs of heads, either way round, of which any two files are no copies by a person's word."""
        heads = defaultdict(set)
        if self.evidence.not_copies:
            for row, head in self.head.items():
                heads[self.evidence.pictures[row].digest].add(head)
        pairs = {(a, b) for one, other in self.evidence.not_copies for a in heads[one] for b in heads[other]}
        return pairs | {(b, a) for a, b in pairs}

    def star(self, keeper: int, claimed: set[int]) -> set[int]:
        """The unclaimed heads that are direct copies of the keeper, and of which no two are meant to differ."""
        taken: set[int] = set()
        changed: set[int] = set()  # of these, those that differ from the keeper somewhere
        open_, asked = set(self.near[keeper]) - claimed, {keeper}
        while open_:
            asked |= open_
            direct = [row for row in open_ if row in self.near[keeper] or self.is_copy(keeper, row)]
            for row in sorted(direct, key=lambda row: (self._change(keeper, row), self.evidence.pictures[row].digest)):
                differs = self._change(keeper, row) > 0
                if self._is_parted_from(row, taken) or any(
                    self._apart(row, other) for other in (taken if differs else changed)
                ):  # copies that differ from the keeper nowhere are not meant to differ from each other
                    continue
                if not differs or not self._belongs_elsewhere(keeper, row):
                    taken.add(row)
                    changed.update([row] if differs else [])
            open_ = {other for row in direct for other in self.near[row]} - asked - claimed
        return taken

    def _change(self, a: int, b: int) -> float:
        """Share of the picture by which two proved copies differ."""
        proof = self.evidence.prove(a, b)
        return proof.changed_share if proof is not None else 0.0

    def _apart(self, a: int, b: int) -> bool:
        if (a, b) in self.parted:
            return True
        one, other = self.evidence.pictures[a], self.evidence.pictures[b]
        if not _say_different(one, other):  # before anything is aligned
            return False
        proof = self.evidence.prove(a, b)
        return proof is not None and _told_apart(one, other, proof)

    def _is_parted_from(self, row: int, others: set[int]) -> bool:
        return bool(self.parted) and any((row, other) in self.parted for other in others)

    def _belongs_elsewhere(self, keeper: int, row: int) -> bool:
        """Whether a changed picture is an edit of another one that is meant to differ from the keeper."""
        return self._change(keeper, row) > 0 and any(
            other != keeper and self._change(row, other) == 0 and self._apart(keeper, other) for other in self.near[row]
        )

    def is_copy(self, a: int, b: int) -> bool:
        if (a, b) in self.parted:  # before anything is aligned
            return False
        proof = self.evidence.prove(a, b)
        return proof is not None and self._copy(a, b, proof)

    def _copy(self, a: int, b: int, proof: Proof) -> bool:
        one, other = self.evidence.pictures[a], self.evidence.pictures[b]
        if (a, b) in self.parted:
            return False
        if edits.is_other_face(proof, self.evidence.faces.get(a)):
            return False
        return edits.relation(proof) == "copy" and not _told_apart(one, other, proof)


def _told_apart(one: Picture, other: Picture, proof: Proof) -> bool:
    """Whether a changed region and two different captions say that the change is meant."""
    return proof.changed is not None and _say_different(one, other)


def _say_different(one: Picture, other: Picture) -> bool:
    """Whether both have a caption, and not the same."""
    if one.caption_problem is not None or other.caption_problem is not None:
        return False
    return _words(one.caption) != _words(other.caption)


def _words(caption: str | None) -> str:
    return " ".join((caption or "").casefold().split())


def _ranks(evidence: Evidence, links: _Links) -> dict[int, tuple[object, ...]]:
    """A sort key for each head: the best file first."""
    spoilt: set[int] = set()  # framed or painted over, beside a copy that is not
    cropped: set[int] = set()
    soft: set[int] = set()
    for a, others in links.near.items():
        for b in others:
            proof = evidence.prove(a, b)  # known: links are proved
            if proof is None:
                continue
            frame = edits.is_other_frame(proof, evidence.files[a], evidence.files[b])
            if edits.has_border(proof):
                spoilt.add(b)
            if edits.is_crop(proof):
                cropped.add(b)
            if proof.detail_ratio < 1 / SHARPER and not frame:
                soft.add(b)
    return {
        row: (
            -evidence.chosen.get(row, 0),
            row in spoilt or _is_painted(evidence, links, row),
            -round(log2(max(1.0, content_pixels(evidence.files[row]))) / CLEANER),
            row in cropped,
            evidence.files[row].checks.get("saturation", 1.0) < edits.GREY,
            -round(evidence.files[row].checks.get("compression", 100.0) / QUALITY),
            row in soft,
            not any(evidence.pictures[twin].caption_problem is None for twin in (row, *links.twins[row])),
            natural(evidence.pictures[row].path),
        )
        for row in links.twins
    }


def _is_painted(evidence: Evidence, links: _Links, row: int) -> bool:
    """Whether a picture was painted over: plainly, or since it differs in one region from most of its own copies."""
    found = [(other, evidence.prove(row, other)) for other in links.near[row]]
    proofs = [
        proof
        for other, proof in found
        if proof is not None and not edits.is_other_frame(proof, evidence.files[row], evidence.files[other])
    ]
    if any(proof.painted == "a" for proof in proofs):
        return True
    changed = sum(proof.changed is not None for proof in proofs)
    return len(proofs) >= VOTERS and changed > len(proofs) / 2 and _agree(evidence, [other for other, _ in found])


def _agree(evidence: Evidence, rows: Sequence[int]) -> bool:
    """Whether some two of these are copies without any changed region: they show how the picture was."""
    pairs = [(min(pair), max(pair)) for pair in combinations(rows, 2)]
    known = [proof for pair in pairs if (proof := evidence.proofs.get(pair)) is not None]
    if any(proof.changed is None for proof in known):
        return True
    asked = islice((pair for pair in pairs if pair not in evidence.proofs), ASKED)
    return any(proof.changed is None for pair in asked if (proof := evidence.prove(*pair)) is not None)


def content_pixels(file: File) -> float:
    """Pixels that show something new: without the border, and at the resolution before any enlargement."""
    real, framed = file.checks.get("upscaled", 1.0), file.checks.get("border", 0.0) / 100
    return file.facts.width * file.facts.height * (1 - framed) * real**2


def _copy_group(
    evidence: Evidence,
    links: _Links,
    head: int,
    taken: Iterable[int],
    ranks: Mapping[int, tuple[object, ...]],
) -> Group | None:
    twins = links.twins[head]
    taken = list(taken)
    if not twins and not taken:
        return None
    members = [
        Member(row=row, kind="identical", edit=_same(evidence.pictures[head], evidence.pictures[row]), similarity=1.0)
        for row in twins
    ]
    for other in taken:
        members += [_member(evidence, head, row, other) for row in (other, *links.twins[other])]
    kind: Kind = "copy" if taken else "identical"
    best = min([head, *taken], key=ranks.__getitem__)
    return Group(kind=kind, keeper=head, reason=_reason(evidence, best, taken, twins, ranks), members=tuple(members))


def _same(keeper: Picture, member: Picture) -> str:
    return "the same bytes" if keeper.digest == member.digest else "the same pixels in another file"


def _member(evidence: Evidence, keeper: int, row: int, proved: int) -> Member:
    proof = evidence.prove(keeper, proved)
    assert proof is not None  # it was taken by a proof
    return Member(
        row=row,
        kind="copy",
        edit=edits.describe(proof, evidence.files[keeper], evidence.files[row]),
        correlation=round(proof.overlap.fine, 4),
        similarity=_cosine(evidence, keeper, row),
        changed=proof.changed,
        map=_map(proof),
    )


def _cosine(evidence: Evidence, keeper: int, row: int) -> float | None:
    value = evidence.similarity(keeper, row)
    return None if value is None else round(value, 4)


def _map(proof: Proof) -> tuple[float, float, float, float, float, float]:
    """The proof's affine map row by row, from shares of the keeper's sides to shares of the other's."""
    xx, xy, x0, yx, yy, y0 = (round(float(value), 5) for value in proof.affine.ravel())
    return xx, xy, x0, yx, yy, y0


REASONS = (  # as `_ranks` weighs them
    "chosen by you",
    "without overlay or border",
    "the highest resolution",
    "uncropped",
    "in colour",
    "less compression",
    "sharper",
    "has a caption",
    "first by name among equals",
)


def _reason(
    evidence: Evidence,
    keeper: int,
    taken: Sequence[int],
    twins: Sequence[int],
    ranks: Mapping[int, tuple[object, ...]],
) -> str:
    """What sets the keeper apart from the others, in the order in which it was weighed."""
    found = []
    for other in taken:
        at = next(i for i, (x, y) in enumerate(zip(ranks[keeper], ranks[other], strict=True)) if x != y)
        found.append(at)
    if twins:
        mine = evidence.pictures[keeper].caption_problem is None
        others = all(evidence.pictures[row].caption_problem is None for row in twins)
        found.append(0 if keeper in evidence.chosen else 7 if mine and not others else 8)
    words = [REASONS[at] for at in sorted(set(found))]
    return ", ".join(words[:-1] if len(words) > 1 and words[-1] == REASONS[-1] else words)


def _keepers(evidence: Evidence, twins: Mapping[int, list[int]], copies: Sequence[Group]) -> list[int]:
    folded = {member.row for group in copies for member in group.members}
    return [row for row in twins if row not in folded]


def _lookalikes(evidence: Evidence, links: _Links, keepers: Sequence[int]) -> list[Group]:
    related: dict[int, dict[int, Proof | None]] = defaultdict(dict)
    alive = set(keepers)
    for row in keepers:
        for other in evidence.alike.get(row, ()):
            if other in alive and other != row:
                related[row].setdefault(other, None)
                related[other].setdefault(row, None)
    for a, b in evidence.proofs:
        if a in alive and b in alive:
            related[a][b] = evidence.prove(a, b)
            related[b][a] = evidence.prove(b, a)
    groups, claimed = [], set()
    for keeper in keepers:
        if keeper in claimed:
            continue
        claimed.add(keeper)
        near = {row: _cosine(evidence, keeper, row) or 0.0 for row in related[keeper] if row not in claimed}
        taken = sorted(near, key=lambda row: -near[row])
        claimed.update(taken)
        if taken:
            members = tuple(_alike(evidence, keeper, row, related[keeper][row]) for row in taken)
            reason = "other photographs or framings, much alike; all are kept"
            groups.append(Group(kind="lookalike", keeper=keeper, reason=reason, members=members))
    return groups


def _alike(evidence: Evidence, keeper: int, row: int, proof: Proof | None) -> Member:
    edit, correlation, changed = "another photograph, much alike", None, None
    if proof is not None:
        correlation, changed = round(proof.overlap.fine, 4), proof.changed
        if edits.relation(proof) == "reframed":
            edit = f"another framing of the same photograph: {edits.framing(proof)}"
        elif edits.is_other_face(proof, evidence.faces.get(keeper)):
            edit = f"the same but for the face: another expression ({proof.changed_share:.1%} of the picture)"
        elif proof.changed is not None:
            edit = (
                f"the same but for one region ({edits.place(proof.changed)}, {proof.changed_share:.1%} of the picture)"
            )
    return Member(
        row=row,
        kind="lookalike",
        edit=edit.replace("%", " %"),
        correlation=correlation,
        similarity=_cosine(evidence, keeper, row),
        changed=changed,
        map=None if proof is None else _map(proof),
    )
