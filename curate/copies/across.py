"""Regularisation pictures that show a photograph of the subject: they teach as class what is to be learned as subject.

Nothing is folded by it: the subject's pictures keep their groups, and the user decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from curate.copies.compare import BELOW_EDITS
from curate.copies.edits import describe, files
from curate.copies.groups import Prove
from curate.copies.propose import NEIGHBOURS
from curate.copies.prove import Prover
from curate.features.vectors import of_rows
from curate.records import Catalog, Features, Shared

BLOCK = 4 << 20  # similarities held at once: 16 MiB


def across(
    catalog: Catalog,
    measured: Features,
    prove: Prove,
    *,
    edit_floor: float,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Shared, ...]:
    """Each regularisation picture that is one photograph with pictures of the subject, beside the nearest of these.

    Proposed as copies are (the ten nearest by embedding that an edit could have moved so far, and near hashes), and
    proved as they are. `edit_floor`: a cosine, of the embedder's own scale. `progress` counts pairs to be aligned.
    """
    pictures = catalog.pictures
    subject = [row for row, picture in enumerate(pictures) if picture.role == "subject"]
    beside = [row for row, picture in enumerate(pictures) if picture.role == "regularisation"]
    if not subject or not beside:
        return ()
    proposed = sorted({*_near(measured, subject, beside, edit_floor), *_hashed(measured, set(subject))})
    if isinstance(prove, Prover):
        prove.prove([(min(pair), max(pair)) for pair in proposed], progress)
    known = files(catalog, measured)
    found: dict[int, list[tuple[float, str, Shared]]] = {}
    for own, other in proposed:
        told: tuple[str, float | None] | None = None
        if measured.facts[own].pixel_digest == measured.facts[other].pixel_digest:
            told = ("the same bytes" if pictures[own].digest == pictures[other].digest else "the same pixels", None)
        elif proof := prove(own, other):
            told = (describe(proof, known[own], known[other]), round(proof.overlap.fine, 4))
        if told:
            one = Shared(
                path=pictures[own].path, regularisation=pictures[other].path, edit=told[0], correlation=told[1]
            )
            found.setdefault(other, []).append((-2.0 if told[1] is None else -told[1], one.path, one))
    nearest = [min(matches, key=lambda match: match[:2])[2] for matches in found.values()]
    return tuple(sorted(nearest, key=lambda one: one.regularisation))


def _near(
    measured: Features, subject: Sequence[int], beside: Sequence[int], edit_floor: float
) -> Iterator[tuple[int, int]]:
    """(row of the subject, row beside it): the nearest of the subject for each picture beside it."""
    floor = 1 - BELOW_EDITS * (1 - edit_floor)
    own = of_rows(measured.embeddings, subject)
    if not own.shape[1]:
        return
    step = max(1, BLOCK // len(subject))
    for start in range(0, len(beside), step):
        rows = list(beside[start : start + step])
        similarity = measured.embeddings[rows] @ own.T
        for row, values in zip(rows, similarity, strict=True):
            for at in np.argsort(-values, kind="stable")[:NEIGHBOURS]:
                if values[at] >= floor:
                    yield subject[at], row


def _hashed(measured: Features, subject: set[int]) -> Iterator[tuple[int, int]]:
    from curate.features import near_pairs

    for a, b, *_ in near_pairs(measured.hashes):
        if (a in subject) != (b in subject):
            yield (a, b) if a in subject else (b, a)
