"""What to add to a set from a pool."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.diversity import CoverageInputs, FillInputs, Pick, coverage, fill, measure
from curate.diversity.fill import _Gaps, _Novelty
from curate.records import Coverage, View

U = 0.05


def view(yaw: float, framing: str = "close_up", confidence: float = 0.9, source: str = "face") -> View:
    return View(
        yaw_deg=yaw,
        pitch_deg=0.0,
        confidence=confidence,
        framing=framing,  # type: ignore[arg-type]
        framing_confidence=0.9,
        sources=(source,),
    )


def covered(views: list[View]) -> Coverage:
    count = len(views)
    return coverage.measure(
        CoverageInputs(views=views, weights=np.ones(count), captions=[None] * count, scene=np.arange(count))
    )


def inputs(
    known: np.ndarray, views: list[View], pool: np.ndarray, pool_views: list[View | None], **changes: object
) -> FillInputs:
    values = {
        "embeddings": known.astype(np.float32),
        "coverage": covered(views),
        "pool": pool.astype(np.float32),
        "pool_views": pool_views,
        "eligible": [True] * len(pool),
        "u": U,
    }
    return FillInputs(**{**values, **changes})  # type: ignore[arg-type]


AXES = np.eye(12)


def test_a_new_view_comes_before_more_of_the_same() -> None:
    wanted = inputs(AXES[:2], [view(0), view(5)], AXES[2:6], [view(0), view(2), view(180), view(-3)])
    picks = fill(wanted, 2)
    assert picks[0].row == 2
    assert "back" in picks[0].closes
    assert picks[0].views_seen_after == wanted.coverage.views_seen + 1


def test_a_copy_of_the_set_or_of_a_pick_adds_nothing() -> None:
    pool = AXES[[0, 2, 2, 3]]
    picks = fill(inputs(AXES[:2], [view(0), view(90)], pool, [None] * 4), 4)
    assert sorted(pick.row for pick in picks) == [1, 3] or sorted(pick.row for pick in picks) == [2, 3]


def test_the_effective_images_after_each_pick_are_those_of_the_set_with_it() -> None:
    random = np.random.default_rng(4)
    known, pool = AXES[:3] + 0.1 * random.normal(size=(3, 12)), AXES[2:9] + 0.1 * random.normal(size=(7, 12))
    wanted = inputs(known, [view(0)] * 3, pool, [None] * 7)
    picks = fill(wanted, 3)
    last = np.concatenate([wanted.embeddings, wanted.pool[[pick.row for pick in picks]]])
    assert picks[-1].effective_images_after == pytest.approx(measure(last, np.arange(len(last)), U).effective_images)
    after = [pick.effective_images_after for pick in picks]
    assert after == sorted(after)


def test_what_is_not_eligible_is_never_picked() -> None:
    wanted = inputs(AXES[:1], [view(0)], AXES[1:5], [view(180)] * 4, eligible=[False, True, False, True])
    assert {pick.row for pick in fill(wanted, 9)} == {1, 3}


def test_an_empty_set_and_an_empty_pool_are_taken() -> None:
    nothing = np.zeros((0, 12))
    assert len(fill(inputs(nothing, [], AXES[:4], [None] * 4), 3)) == 3
    assert fill(inputs(AXES[:2], [view(0)] * 2, nothing, []), 3) == ()
    assert fill(inputs(AXES[:2], [view(0)] * 2, AXES[2:4], [None] * 2), 0) == ()


def test_a_view_that_is_not_sure_closes_no_gap() -> None:
    unsure = fill(inputs(AXES[:1], [view(0)], AXES[1:2], [view(90, confidence=0.2)]), 1)
    assert "right side" not in unsure[0].closes
    body = fill(inputs(AXES[:1], [view(0)], AXES[1:2], [view(180, confidence=0.4, source="body")]), 1)
    assert "back" in body[0].closes


def test_many_like_pictures_in_the_pool_do_not_draw_the_pick() -> None:
    pool = np.concatenate([np.repeat(AXES[2:3], 8, axis=0), AXES[3:4]])
    picks = fill(inputs(AXES[:2], [view(0)] * 2, pool, [None] * 8 + [view(180)]), 1)
    assert picks[0].row == 8


def test_the_number_of_picks_is_told() -> None:
    told: list[tuple[int, int]] = []
    fill(inputs(AXES[:1], [view(0)], AXES[1:4], [None] * 3), 2, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def _worth(wanted: FillInputs, rows: tuple[int, ...]) -> float:
    """The objective of a set of picks, in any order."""
    gaps, novelty, total = _Gaps(wanted), _Novelty(wanted), 0.0
    for row in rows:
        total += float(novelty.gains([row])[0] + gaps.gains([row])[0])
        novelty.add(row)
        gaps.add(row)
    return total


def _random(seed: int) -> FillInputs:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(9, 6)) + 1.5
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    views = [view(float(yaw)) for yaw in random.uniform(-180, 180, 9)]
    return inputs(rows[:2], views[:2], rows[2:], list(views[2:]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_greedy_keeps_its_guarantee(seed: int) -> None:
    wanted = _random(seed)
    picks = fill(wanted, 3)
    best = max(_worth(wanted, rows) for rows in combinations(range(7), 3))
    mine = sum(pick.gain for pick in picks)
    assert mine == pytest.approx(_worth(wanted, tuple(pick.row for pick in picks)))
    assert (1 - 1 / np.e) * best - 1e-9 <= mine <= best + 1e-9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(7)))
def test_the_worth_does_not_depend_on_the_order_and_gains_only_fall(seed: int, order: list[int]) -> None:
    wanted = _random(seed)
    first, *others = order[:4]
    assert _worth(wanted, (first, *others)) == pytest.approx(_worth(wanted, (*others, first)))
    alone = _worth(wanted, (first,))
    assert alone >= _worth(wanted, (*others, first)) - _worth(wanted, tuple(others)) - 1e-9
    assert alone >= 0


def test_a_pick_is_a_record() -> None:
    pick = fill(inputs(AXES[:1], [view(0)], AXES[1:2], [None]), 1)[0]
    assert isinstance(pick, Pick)
    assert pick.gain == pytest.approx(1.0, abs=0.01)
