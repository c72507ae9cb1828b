"""What is held out shares nothing with what is trained on."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.diversity import HoldOutInputs, hold_out, kernel
from curate.records import View

U = 0.05


def inputs(
    rows: np.ndarray, together: list[list[int]] | None = None, yaws: list[float | None] | None = None
) -> HoldOutInputs:
    views = [None if yaw is None else View(yaw_deg=yaw, confidence=0.9, sources=("face",)) for yaw in yaws or []]
    return HoldOutInputs(
        embeddings=rows.astype(np.float32), views=views or [None] * len(rows), together=together or [], u=U
    )


def crowded(seed: int) -> np.ndarray:
    """Sixteen pictures round six places, many of them nearly the same."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(6, 8))[random.integers(0, 6, 16)] + 0.15 * random.normal(size=(16, 8))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(1, 15), st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=4)
)
def test_nothing_that_is_nearly_the_same_or_of_one_group_lies_on_both_sides(
    seed: int, count: int, pairs: list[tuple[int, int]]
) -> None:
    rows = crowded(seed)
    found = hold_out(inputs(rows, [[a, b] for a, b in pairs]), count)
    held = set(found.rows)
    assert len(found.rows) == len(held) <= count
    assert len(held) < 16
    near = kernel(rows @ rows.T, U) >= 0.5
    for row in held:
        for other in set(range(16)) - held:
            assert not near[row, other]
            assert (row, other) not in pairs
            assert (other, row) not in pairs


def test_the_number_is_met_where_pictures_are_all_different() -> None:
    for count in (1, 3, 7):
        assert len(hold_out(inputs(np.eye(8)), count).rows) == count


def test_a_group_that_is_larger_than_what_is_asked_for_stays_in_the_training() -> None:
    found = hold_out(inputs(np.eye(8), [[0, 1, 2, 3, 4]]), 3)
    assert set(found.rows) == {5, 6, 7}
    assert found.linked == 0
    assert set(hold_out(inputs(np.eye(8), [[0, 1, 2, 3, 4]]), 4).rows) == {5, 6, 7}


def test_typical_pictures_are_held_out_before_odd_ones() -> None:
    middle = np.array([1.0, 0.0, 0.0])
    round_it = [np.array([1.0, 0.4 * np.cos(turn), 0.4 * np.sin(turn)]) for turn in np.linspace(0, 2 * np.pi, 6)[:-1]]
    rows = np.array([middle, *round_it, [0.0, 0.0, 1.0]])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert hold_out(inputs(rows), 1).rows == (0,)


def test_each_view_gives_its_share_and_keeps_its_only_picture() -> None:
    found = hold_out(inputs(np.eye(10), yaws=[0.0] * 6 + [90.0] * 3 + [180.0]), 3)
    views = sorted([0] * 6 + [90] * 3 + [180])
    assert sorted(views[row] for row in found.rows) == [0, 0, 90]
    assert found.views == 2


def test_views_count_only_where_most_are_known() -> None:
    assert hold_out(inputs(np.eye(6), yaws=[0.0, 90.0, None, None, None, None]), 2).views is None


def test_a_set_that_is_one_chain_gives_nothing() -> None:
    turns = np.arange(6) * 0.25
    rows = np.stack((np.cos(turns), np.sin(turns)), axis=1)
    assert hold_out(inputs(rows), 3).rows == ()
