"""Analyses put together by hand, of pictures that are drawn in code: what is alike is said by their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from output_sets import draw, measured

from curate import diversity
from curate.records import Analysis, Catalog, Features, Group, Member, Model, View

U = 0.05  # similarity scale of the made-up model
SIZES = [(128, 96), (128, 96), (96, 128), (100, 100), (200, 80)]


def vectors(families: Sequence[int], angle: float = 0.2) -> NDArray[np.float32]:
    """Rows of unit length: those of one family `angle` radians round its own axis, different families at right angles.

    Two of a family have a cosine of cos(angle) at the least, so that 0.2 makes look-alikes (0.98) and no copies.
    """
    rows = np.zeros((len(families), 2 * max(families) + 2), np.float32)
    seen: dict[int, int] = {}
    for row, family in enumerate(families):
        turn = angle * (seen.setdefault(family, 0) % 2)
        seen[family] += 1
        rows[row, 2 * family : 2 * family + 2] = np.cos(turn), np.sin(turn)
    return rows


def drawn(folder: Path, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        draw(folder / name, size=SIZES[number % len(SIZES)], seed=number)


def star(keeper: int, *members: int, kind: Any = "lookalike") -> Group:
    return Group(
        kind=kind, keeper=keeper, reason="larger", members=tuple(Member(row=m, kind=kind, edit="") for m in members)
    )


def analysis_of(
    folder: Path,
    families: Sequence[int],
    groups: tuple[Group, ...] = (),
    views: tuple[View, ...] = (),
    kept: tuple[bool, ...] = (),
    embeddings: NDArray[np.float32] | None = None,
) -> Analysis:
    """The analysis of a folder whose pictures, in the order of their paths, belong to these families."""
    items = measured(folder, {}, {}).items
    rows = vectors(families) if embeddings is None else embeddings
    n = len(items)
    features = Features(
        facts=tuple(item.facts for item in items),
        hashes=np.zeros((n, 8), np.uint64),
        embeddings=rows,
        checks=({},) * n,
    )
    analysis = Analysis(
        catalog=Catalog(folder=str(folder), pictures=tuple(item.picture for item in items)),
        features=features,
        model=Model(name="none", device="cpu", half_similarity=1 - U, calibrated=True),
        checks=({},) * n,
        groups=groups,
        diversity=diversity.measure(rows, np.arange(n), U),
        kept=kept or (True,) * n,
        views=views,
    )
    if not views:
        return analysis
    from curate.stages.measured import with_coverage

    return with_coverage(analysis, "character", mirror_ok=False)


def view(yaw: float) -> View:
    return View(yaw_deg=yaw, confidence=0.9, framing="close_up", framing_confidence=0.9, sources=("face",))
