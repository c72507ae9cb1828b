"""From features to evidence: pairs are proposed, proved, and gathered for grouping."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from curate.copies.edits import Box, files
from curate.copies.groups import Evidence
from curate.copies.propose import nearest, pairs
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
    similarity, neighbours = nearest(measured.embeddings[distinct])
    hashes = ((i, j) for i, j, *_ in near_pairs(measured.hashes[distinct]))
    floor = 1 - BELOW_EDITS * (1 - edit_floor)
    proposed = [(int(distinct[a]), int(distinct[b])) for a, b in pairs(similarity, neighbours, floor, hashes)]
    prover = Prover(small, [picture.digest for picture in catalog.pictures], verdicts)
    prover.prove(proposed, progress)
    alike = defaultdict(list)
    for at, rank in zip(*np.nonzero(similarity >= half_similarity), strict=True):
        alike[int(distinct[at])].append(int(distinct[neighbours[at, rank]]))
    return Evidence(
        rows=rows,
        pictures=catalog.pictures,
        files=files(catalog, measured),
        proofs={pair: proof for pair in proposed if (proof := prover(*pair)) is not None},
        prove=prover,
        similarity=lambda a, b: float(measured.embeddings[a] @ measured.embeddings[b]),
        alike=alike,
        faces=_faces(measured, rows),
    )


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
