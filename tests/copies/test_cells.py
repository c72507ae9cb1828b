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


def brute(made: NDArray[np.float32], rows: NDArray[np.int64], k: int, floor: float) -> list[list[int]]:
    """The nearest others by comparing one picture after the other."""
    found = []
    for row in rows.tolist():
        cosines = made.astype(np.float64) @ made[row].astype(np.float64)
        cosines[row] = -2
        order = np.argsort(-cosines, kind="stable")[:k]
        found.append([int(other) if cosines[other] >= floor else -1 for other in order])
    return found


@pytest.mark.parametrize("floor", [-1.0, 0.6, 0.9])
def test_some_rows_are_compared_with_all(monkeypatch: pytest.MonkeyPatch, floor: float) -> None:
    monkeypatch.setattr(cells, "OTHERS", 100)  # so that what is found is gathered from many parts
    monkeypatch.setattr(cells, "PRODUCT", 700)
    made, rows = vectors(12, 1.0), np.arange(5, N, 97)
    assert cells.exactly(made, rows, 8, floor).tolist() == brute(made, rows, 8, floor)


def test_of_a_crowd_the_nearest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propose, "EXACT", 1000)
    made = vectors(1, 0.05)  # every picture is near every other one
    some = np.arange(0, N, 50)
    found = propose.nearest(made, 8, 0.5)
    assert (found.rows >= 0).all()
    true = brute(made, some, 8, 0.5)
    right = sum(len(set(one) & set(other)) for one, other in zip(true, found.rows[some].tolist(), strict=True))
    assert right >= 0.99 * 8 * len(some)


def test_equal_pictures_in_a_large_set_find_those_that_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propose, "EXACT", 1000)
    made = vectors(N, 1.0)
    made[:40] = made[0]
    found = propose.nearest(made, 8, 0.99)
    assert found.rows[20].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert found.rows[3].tolist() == [0, 1, 2, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("others", [64, 2_048])
def test_where_all_pictures_are_equal_all_find_those_that_come_first(
    monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    monkeypatch.setattr(propose, "EXACT", 1000)
    monkeypatch.setattr(cells, "OTHERS", others)  # so that a picture meets a part of the others at once
    made = np.zeros((1500, 48), np.float32)
    made[:, 0] = 1  # no cosine is rounded, in whatever order it is summed
    found = propose.nearest(made, 8, 0.5)
    assert found.recall == 1
    assert found.rows[700].tolist() == list(range(8))


def test_centroids_of_empty_cells_move_to_where_the_pictures_are() -> None:
    sizes = np.array([100, 0, 700, 100, 10, 290])
    sparse, full = cells._uneven(sizes)  # 200 on average
    assert sparse.tolist() == [1, 4]
    assert full.tolist() == [2, 2]
    assert [len(part) for part in cells._uneven(np.full(6, 200))] == [0, 0]


def test_a_search_takes_less_work_since_cells_are_evened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "TRAINING", 40)
    made = vectors(40, 0.3)

    def work() -> int:
        with cells._threads() as pool:
            near = cells._nearest_cells(made, cells._centroids(made, 64, pool), 2, pool)
        own, asking = np.bincount(near[:, 0], minlength=64), np.bincount(near.ravel(), minlength=64)
        return int(own @ asking)

    evened = work()
    monkeypatch.setattr(cells, "SPARSE", 0.0)  # no centroid moves
    assert evened < 0.9 * work()


@pytest.mark.parametrize("summed", [1, 7, 64, 10_000])
def test_vectors_are_added_up_some_cells_at_a_time_to_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, summed: int
) -> None:
    monkeypatch.setattr(cells, "SUMMED", summed)
    random = np.random.default_rng(0)
    made, home = random.normal(size=(500, 12)).astype(np.float32), random.integers(0, 40, 500).astype(np.int32)
    home[home == 13] = 14  # an empty cell
    order, sizes = np.argsort(home, kind="stable"), np.bincount(home, minlength=40)
    first = (np.cumsum(sizes) - sizes)[sizes > 0]
    assert np.array_equal(cells._sums(made, order, first), np.add.reduceat(made[order], first, axis=0))


def test_what_is_found_does_not_depend_on_how_much_is_gathered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propose, "EXACT", 1000)
    made = vectors(N, 0.05)
    found = []
    for met in (1, 5_000, 2**30):
        monkeypatch.setattr(cells, "MET", met)
        found.append(propose.nearest(made, 8, 0.5))
    assert all(np.array_equal(one.rows, found[0].rows) for one in found)
