"""Large sets are searched by cells, and find what comparing all pictures finds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from curate.copies import cells, propose
from curate.copies.cells import Cells, compare_all

N = 2_400


def vectors(scenes: int, spread: float, seed: int = 0) -> NDArray[np.float32]:
    """Pictures of some scenes; the last hundred are copies of the first hundred."""
    random = np.random.default_rng(seed)
    made = random.normal(size=(scenes, 48))[random.integers(0, scenes, N)] + spread * random.normal(size=(N, 48))
    made[-100:] = made[:100] + 0.1 * random.normal(size=(100, 48))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def pairs(similarity: NDArray[np.float32], rows: NDArray[np.int64], floor: float) -> set[tuple[int, int]]:
    return {(int(a), int(rows[a, at])) for a, at in zip(*np.nonzero((similarity >= floor) & (rows >= 0)), strict=True)}


@pytest.mark.parametrize(
    ("scenes", "spread", "floor"), [(12, 1.0, 0.9), (12, 1.0, 0.6), (1, 1.0, 0.75), (N, 0.01, 0.3)]
)
def test_cells_find_99_in_100_of_what_comparing_all_finds(
    monkeypatch: pytest.MonkeyPatch, scenes: int, spread: float, floor: float
) -> None:
    monkeypatch.setattr(cells, "PROBES", 1)  # so that the sample, and nothing else, decides
    made = vectors(scenes, spread)
    exact, (similarity, rows, recall) = compare_all(made, 8, floor), Cells(made).nearest(8, floor)
    wanted = pairs(exact[0], exact[1], floor)
    found = pairs(similarity, rows, floor)
    assert len(wanted) >= 200
    assert len(wanted & found) >= 0.99 * len(wanted)
    assert recall >= 0.99
    planted = {(row, N - 100 + row) for row in range(100)}
    assert len(planted & {(min(pair), max(pair)) for pair in found}) >= 99 or floor > 0.9


def test_cells_do_not_compare_all_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    take = cells._Best.take

    def counted(self: cells._Best, *given: NDArray[np.float32]) -> None:
        compared.append(given[2].size)
        take(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(cells._Best, "take", counted)
    monkeypatch.setattr(cells, "SAMPLE", 50)
    Cells(vectors(40, 0.6)).nearest(8, 0.9)
    assert sum(compared) < 0.3 * N * N


def test_small_blocks_and_few_noted_cells_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = vectors(12, 1.0)
    whole = Cells(made).nearest(8, 0.7)
    monkeypatch.setattr(cells, "ASKED", 1000)
    parts = Cells(made).nearest(8, 0.7)
    assert pairs(whole[0], whole[1], 0.7) == pairs(parts[0], parts[1], 0.7)
    monkeypatch.setattr(cells, "ACROSS", 1 << 20)
    everything = compare_all(made, 8, 0.7)
    monkeypatch.setattr(cells, "BLOCK", 10_000)
    assert pairs(*compare_all(made, 8, 0.7)[:2], 0.7) == pairs(*everything[:2], 0.7)


def test_a_large_set_is_searched_the_same_way_twice_and_says_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propose, "EXACT", 1000)
    made = vectors(12, 1.0)
    one, other = propose.nearest(made, 8, 0.8), propose.nearest(made, 8, 0.8)
    assert one.rows.tobytes() == other.rows.tobytes()
    assert 0.99 <= one.recall <= 1
    assert (np.diff(one.similarity, axis=1) <= 1e-6).all()
    assert not (one.rows == np.arange(N)[:, None]).any()


def test_a_set_without_neighbours_finds_none() -> None:
    alone = np.linalg.qr(np.random.default_rng(0).normal(size=(300, 300)))[0].astype(np.float32)
    similarity, rows, recall = Cells(alone).nearest(4, 0.5)
    assert (rows == -1).all()
    assert recall == 1
    assert similarity.shape == (300, 4)
