"""From features to evidence: pairs are proposed, proved, and gathered for grouping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from curate.copies import propose, remembered
from curate.copies.edits import Box, files
from curate.copies.groups import Evidence
from curate.copies.propose import Neighbours, pairs
from curate.copies.prove import MEMORY, Pictures, Prover, Verdicts
from curate.copies.remembered import Carried, Compared, Kept, Present, hex_digests, without
from curate.features.vectors import Selected
from curate.records import Catalog, Features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.copies.align import Proof

    Progress = Callable[[int, int], None]

BELOW_EDITS = 1.6  # times the distance of the calibration pictures' farthest own edit; real edits lay within 1.4


def compare(
    catalog: Catalog,
    measured: Features,
    small: Pictures,
    verdicts: Memory,
    *,
    edit_floor: float,
    half_similarity: float,
    memory: int = MEMORY,
    progress: Progress | None = None,
) -> Evidence:
    """What is known of the subject's pictures as pairs.

    `edit_floor` and `half_similarity` are cosines, of the embedder's own scale. Regularisation pictures are not
    compared. Where nothing was embedded the hashes alone propose. `memory`: bytes of what was seen in pictures that are
    held at once. `progress` counts pairs that had to be aligned.
    """
    rows = [row for row, picture in enumerate(catalog.pictures) if picture.role == "subject"]
    distinct = _first_of_each(measured, rows)
    prover = Prover(small, [picture.digest for picture in catalog.pictures], verdicts, memory=memory)
    present = Present(
        digests=hex_digests([catalog.pictures[row].digest for row in distinct]),
        embeddings=Selected(measured.embeddings, distinct),
        hashes=measured.hashes[distinct],
        floors=(1 - BELOW_EDITS * (1 - edit_floor), half_similarity),
        method=prover.method,
    )
    lasting = remembered.LEAST <= len(distinct) <= propose.EXACT
    before = remembered.read(verdicts.get_last(remembered.WHAT, catalog.folder)) if lasting else None
    found, proofs, is_new = _compared(present, before, prover, distinct, progress)
    if lasting and is_new:
        verdicts.put_last(remembered.WHAT, catalog.folder, remembered.write(found))
    near = found.neighbours
    return Evidence(
        rows=rows,
        pictures=catalog.pictures,
        files=files(catalog, measured),
        proofs=proofs,
        prove=prover,
        similarity=lambda a, b: (
            float(measured.embeddings[a] @ measured.embeddings[b]) if measured.embeddings.shape[1] else None
        ),
        alike=Alike(distinct, near, half_similarity),
        recall=near.recall if len(distinct) > propose.EXACT else None,
        faces=_faces(measured, rows),
    )


class Memory(Verdicts, Kept, Protocol):
    """What is known from earlier scans (features.Store)."""


def _compared(
    now: Present, before: Compared | None, prover: Prover, distinct: NDArray[np.intp], progress: Progress | None
) -> tuple[Compared, dict[tuple[int, int], Proof], bool]:
    """What comparing the pictures gives, the pairs of rows of the catalog that are one photograph, and whether any of
    it was not known. `distinct`: the rows of the catalog that are compared."""
    carried = Carried(before, now)
    near, hashed, refuted = carried.neighbours(), carried.hashed(), carried.refuted()
    proposed = pairs(near.similarity, near.rows, now.floors[0], hashed)
    prover.assume(distinct[refuted])
    asked = distinct[without(proposed, refuted, len(distinct))]
    prover.prove(asked, progress)
    proofs = prover.copies
    proved = np.searchsorted(distinct, np.array(list(proofs), np.intp).reshape(-1, 2))
    found = carried.renewed(near, hashed, without(proposed, proved, len(distinct)))
    return found, proofs, not carried.is_unchanged or len(asked) > len(proofs)


class Alike(Mapping[int, Sequence[int]]):
    """Row -> the rows much alike to it, the most alike first. Kept as arrays: a set may hold millions of such pairs."""

    def __init__(self, rows: NDArray[np.intp], near: Neighbours, least: float) -> None:
        enough = (near.similarity >= least) & (near.rows >= 0)
        self._others = rows[near.rows[enough]].astype(np.int32)
        ends = np.cumsum(enough.sum(axis=1))
        some = np.flatnonzero(enough.any(axis=1))
        self._of = dict(zip(rows[some].tolist(), some.tolist(), strict=True))
        self._ends = np.concatenate([[0], ends])

    def __getitem__(self, row: int) -> list[int]:
        at = self._of[row]
        others: list[int] = self._others[self._ends[at] : self._ends[at + 1]].tolist()
        return others

    def __iter__(self) -> Iterator[int]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)


def _faces(measured: Features, rows: list[int]) -> dict[int, Box]:
    """Where the largest face of each picture is, of those in which one was looked for and found."""
    from curate.features.views import face_box

    boxes = {row: face_box(raw) for row in rows if measured.sightings and (raw := measured.sightings[row])}
    return {row: box for row, box in boxes.items() if box is not None}


def _first_of_each(measured: Features, rows: list[int]) -> NDArray[np.intp]:
    """The first row of each set of pictures with equal pixels."""
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(measured.facts[row].pixel_digest, row)
    return np.array(sorted(first.values()), np.intp)
