"""Large sets are searched by cells, and find what comparing all pictures finds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from curate.copies import cells, propose

N = 2_400


@pytest.fixture(autouse=True)
def _few_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "PROBES", 1)  # so that the sample, and nothing else, decides
    monkeypatch.setattr(cells, "TRAINING", 12)
    monkeypatch.setattr(cells, "CELLS", 1.0)


def vectors(scenes: int, spread: float, seed: int = 0) -> NDArray[np.float32]:
    """Pictures of some scenes; the last hundred are copies of the first hundred."""
    random = np.random.default_rng(seed)
    made = random.normal(size=(scenes, 48))[random.integers(0, scenes, N)] + spread * random.normal(size=(N, 48))
    made[-100:] = made[:100] + 0.1 * random.normal(size=(100, 48))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def pairs(found: propose.Neighbours) -> set[tuple[int, int]]:
    return {(int(a), int(found.rows[a, at])) for a, at in zip(*np.nonzero(found.rows >= 0), strict=True)}


@pytest.mark.parametrize(
    ("scenes", "spread", "floor"), [(12, 1.0, 0.9), (12, 1.0, 0.6), (1, 1.0, 0.75), (N, 0.01, 0.3)]
)
def test_cells_find_99_in_100_of_what_comparing_all_finds(
    monkeypatch: pytest.MonkeyPatch, scenes: int, spread: float, floor: float
) -> None:
    made = vectors(scenes, spread)
    exact = propose.nearest(made, 8, floor)
    monkeypatch.setattr(propose, "EXACT", 1000)
    found = propose.nearest(made, 8, floor)
    assert len(pairs(exact)) >= 200
    assert len(pairs(exact) & pairs(found)) >= 0.99 * len(pairs(exact))
    assert found.recall >= 0.99
    assert exact.recall == 1
    planted = {(row, N - 100 + row) for row in range(100)}
    assert len(planted & {(min(pair), max(pair)) for pair in pairs(found)}) >= 99 or floor > 0.9


def test_what_is_below_the_floor_is_not_found() -> None:
    found = propose.nearest(vectors(12, 1.0), 8, 0.7)
    assert (found.similarity[found.rows >= 0] >= 0.7).all()
    assert (found.similarity[found.rows < 0] == -1).all()
    assert (found.rows < 0).any()


def test_a_large_set_is_searched_the_same_way_twice_and_says_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propose, "EXACT", 1000)
    made = vectors(12, 1.0)
    one, other = propose.nearest(made, 8, 0.8), propose.nearest(made, 8, 0.8)
    assert one.rows.tobytes() == other.rows.tobytes()
    assert 0.99 <= one.recall <= 1
    assert (np.diff(one.similarity, axis=1) <= 1e-6).all()
    assert not (one.rows == np.arange(N)[:, None]).any()


def test_a_set_without_neighbours_finds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propose, "EXACT", 100)
    alone = np.linalg.qr(np.random.default_rng(0).normal(size=(300, 300)))[0].astype(np.float32)
    found = propose.nearest(alone, 4, 0.5)
    assert (found.rows == -1).all()
    assert found.recall == 1
    assert found.similarity.shape == (300, 4)
