"""kohya's smaller rules."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import TrainerError
from curate.trainers import steps
from curate.trainers.batching import Ladder
from curate.trainers.kohya import folder_repeats, hold_out, regularisation_repeats


@pytest.mark.parametrize(
    ("name", "repeats"),
    [("10_sks man", 10), ("2", 2), ("3_", 3), ("sks", None), ("0_zero", None), ("-1_x", None), ("1.5_x", None)],
)
def test_the_folder_name_holds_the_repeats(name: str, repeats: int | None) -> None:
    assert folder_repeats(name) == repeats


def _walked(repeats: list[int], entries: int) -> list[int]:
    """The trainer's walk, one picture after the other."""
    used, total = [0] * len(repeats), 0
    first = True
    while total < entries:
        for i, own in enumerate(repeats):
            used[i] += own if first else 1
            total += own if first else 1
            if total >= entries:
                break
        first = False
    return used


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.integers(0, 300))
def test_regularisation_fills_as_the_trainer_walks(repeats: list[int], entries: int) -> None:
    assert regularisation_repeats(repeats, entries) == _walked(repeats, entries)


def test_held_out_pictures_are_those_of_the_seed() -> None:
    rows = list(range(11))
    Random(7).shuffle(rows)
    assert hold_out(11, 0.2, 7) == tuple(sorted(rows[:9]))
    assert hold_out(10, 0.0, 1) == tuple(range(10))


@given(st.lists(st.floats(0.1, 9), min_size=1, max_size=40), st.floats(0.05, 10))
def test_the_ladder_finds_what_a_walk_over_the_list_finds(shapes: list[float], wanted: float) -> None:
    sizes = [(i + 1, 1) for i in range(len(shapes))]
    walked = min(range(len(shapes)), key=lambda i: abs(shapes[i] - wanted))
    assert Ladder(sizes, shapes).nearest(wanted) == sizes[walked]


def test_a_resolution_above_the_largest_bucket_is_refused_with_what_to_set() -> None:
    with pytest.raises(TrainerError, match="Set max_bucket_reso to 3072"):
        steps([(9, 9)], "kohya", repeats=1, batch_size=1, resolution=1536, options={"enable_bucket": True})


def test_the_default_largest_bucket_is_warned_of_at_1024() -> None:
    answer = steps([(832, 1216)], "kohya", repeats=1, batch_size=1, resolution=1024, options={"enable_bucket": True})
    assert answer.bucket_of_picture == ((704, 1024),)
    assert any("max_bucket_reso" in warning for warning in answer.warnings)
