"""From features to evidence: pairs are proposed, proved, and gathered for grouping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from curate.copies.edits import Box, files
from curate.copies.groups import Evidence
from curate.copies.propose import Neighbours, nearest, pairs
from curate.copies.prove import Pictures, Prover, Verdicts
from curate.records import Catalog, Features

if TYPE_CHECKING:
    from numpy.typing import NDArray

BELOW_EDITS = 1.6  # times the distance of the calibration pictures' farthest own edit; real edits lay within 1.4


def compare(
    catalog: Catalog,
    measured: Features,
    small: Pictures,
    verdicts: Verdicts,
    *,
    edit_floor: float,
    half_similarity: float,
    progress: Callable[[int, int], None] | None = None,
) -> Evidence:
    """What is known of the subject's pictures as pairs.

    `edit_floor` and `half_similarity` are cosines, of the embedder's own scale. Regularisation pictures are not
    compared. `progress` counts pairs that had to be aligned.
    """
    from curate.features import near_pairs

    rows = [row for row, picture in enumerate(catalog.pictures) if picture.role == "subject"]
    distinct = _first_of_each(measured, rows)
    floor = 1 - BELOW_EDITS * (1 - edit_floor)
    near = nearest(measured.embeddings[distinct], floor=min(floor, half_similarity))
    digests = [catalog.pictures[row].digest for row in distinct]
    ordered = np.array(sorted(range(len(digests)), key=digests.__getitem__), np.intp)  # a crowd is cut by content
    hashes = ((int(ordered[i]), int(ordered[j])) for i, j, *_ in near_pairs(measured.hashes[distinct[ordered]]))
    proposed = [(int(distinct[a]), int(distinct[b])) for a, b in pairs(near.similarity, near.rows, floor, hashes)]
    prover = Prover(small, [picture.digest for picture in catalog.pictures], verdicts)
    prover.prove(proposed, progress)
    return Evidence(
        rows=rows,
        pictures=catalog.pictures,
        files=files(catalog, measured),
        proofs={pair: proof for pair in proposed if (proof := prover(*pair)) is not None},
        prove=prover,
        similarity=lambda a, b: float(measured.embeddings[a] @ measured.embeddings[b]),
        alike=Alike(distinct, near, half_similarity),
        recall=near.recall,
        faces=_faces(measured, rows),
    )


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
