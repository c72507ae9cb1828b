"""A scan's findings become decisions with their evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from output_sets import draw, measured

from curate import output
from curate.records import Analysis, Catalog, Diversity, Features, Group, Member, Model


def test_copies_are_left_out_with_evidence_and_lookalikes_stay(source: Path, tmp_path: Path) -> None:
    for number in range(3):
        draw(source / f"p{number}.png", seed=number)
    found = measured(source, {}, {})
    features = Features(
        facts=tuple(item.facts for item in found.items),
        hashes=np.zeros((3, 8), np.uint64),
        embeddings=np.eye(3, dtype=np.float32),
        checks=({}, {}, {}),
    )
    analysis = Analysis(
        catalog=Catalog(folder=str(source), pictures=tuple(item.picture for item in found.items)),
        features=features,
        model=Model(name="none", device="cpu", half_similarity=0.9, calibrated=False),
        checks=({}, {}, {}),
        groups=(
            Group(
                kind="copy",
                keeper=0,
                reason="larger",
                members=(Member(row=1, kind="copy", edit="mirrored", correlation=0.99),),
            ),
            Group(kind="lookalike", keeper=0, reason="larger", members=(Member(row=2, kind="lookalike", edit=""),)),
        ),
        diversity=Diversity(
            effective_images=1.5, low=1, high=2, files=3, photographs=2, evenness=1, weights=np.array([0.9, 0, 0.6])
        ),
        kept=(True, False, True),
    )
    export = output.export_of(analysis, output.Settings(trainer="kohya"))
    assert [item.weight for item in export.items] == [0.9, 0.0, 0.6]
    draft = output.draft(export, tmp_path / "out")
    (left,) = draft.left_out
    assert left.reason == "copy of p0.png: mirrored, correlation 0.99"
    assert left.evidence == output.Evidence(keeper="p0.png", kind="copy", edit="mirrored", correlation=0.99)
    assert [placed.item.picture.path for _, placed in draft.pictures()] == ["p0.png", "p2.png"]
