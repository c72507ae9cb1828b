"""Which part of a set keeps the most of it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.diversity import LimitInputs, limit, measure
from curate.records import View

U = 0.05


def spread(seed: int, count: int = 9) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, 5)) + 1.0
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def effective(rows: np.ndarray) -> float:
    return measure(rows, np.arange(len(rows)), U).effective_images


def view(yaw: float) -> View:
    return View(yaw_deg=yaw, pitch_deg=0.0, confidence=0.9, sources=("face",))


def inputs(rows: np.ndarray, views: list[View | None] | None = None) -> LimitInputs:
    return LimitInputs(embeddings=rows, views=views or [None] * len(rows), u=U)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9))
def test_a_smaller_limit_is_the_start_of_a_larger_one_and_keeps_less(seed: int, count: int) -> None:
    rows = spread(seed)
    whole, part = limit(inputs(rows), 9), limit(inputs(rows), count)
    assert part.rows == whole.rows[:count]
    assert len(set(part.rows)) == count
    kept = [size.effective_images for size in part.curve]
    assert kept == sorted(kept)
    assert part.curve[-1].pictures == 9
    assert part.curve[-1].effective_images == pytest.approx(effective(rows))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_it_keeps_nearly_what_the_best_choice_would(seed: int) -> None:
    rows = spread(seed)
    best = max(effective(rows[list(some)]) for some in combinations(range(9), 3))
    mine = next(size for size in limit(inputs(rows), 3).curve if size.pictures == 3)
    assert mine.effective_images >= (1 - 1 / np.e) * best


def test_copies_come_last_and_are_taken_when_nothing_else_is_left() -> None:
    rows = np.eye(4, dtype=np.float32)[[0, 0, 1, 2, 3, 3]]
    found = limit(inputs(rows), 6)
    assert sorted(found.rows) == list(range(6))
    assert effective(rows[list(found.rows[:4])]) == pytest.approx(4.0, abs=1e-3)


def test_a_view_that_nothing_shows_yet_comes_before_one_more_of_the_same() -> None:
    rows = np.eye(6, dtype=np.float32)
    found = limit(inputs(rows, [view(0), view(0), view(0), view(90), view(180), view(-90)]), 4)
    assert {3, 4, 5} < set(found.rows)
    assert found.curve[0].views_seen == 4
    assert found.views_wanted == 8


def test_views_that_were_not_measured_are_not_counted() -> None:
    found = limit(inputs(spread(1)), 4)
    assert [size.views_seen for size in found.curve] == [None] * len(found.curve)
    assert found.views_wanted == 0


def test_the_curve_stands_at_round_sizes() -> None:
    rows = spread(2, 130)
    assert [size.pictures for size in limit(inputs(rows), 120).curve] == [5, 10, 20, 50, 100, 120, 130]


def test_a_count_that_does_not_fit_is_an_error() -> None:
    for count in (0, 10):
        with pytest.raises(ValueError, match="1 to 9"):
            limit(inputs(spread(0)), count)
