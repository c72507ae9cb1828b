"""Embeddings lie in one array, whichever way their pictures went."""

from __future__ import annotations

import numpy as np
import pytest

from curate.features.vectors import Selected, Vectors


def test_rows_come_in_the_order_of_the_pictures_without_those_that_are_left_out() -> None:
    names = ["a", "b", "a", "c", "d", "b", "e", "d"]
    true = {name: np.arange(3, dtype=np.float32) + 10 * at for at, name in enumerate("abcde")}
    for left in (names, ["b", "c", "d", "b", "d"], ["a", "a", "e"], ["d", "d"], ["e"], []):
        vectors = Vectors(names)
        for name in "edcba":
            vectors[name] = true[name]
        assert sorted(vectors) == list("abcde")
        taken = vectors.taken(left)
        assert taken.tolist() == [true[name].tolist() for name in left]
        assert taken.flags.c_contiguous
        assert len(vectors) == 0


def test_the_array_is_not_copied() -> None:
    vectors = Vectors(["a", "b"])
    vectors.update({"b": np.ones(4, np.float32), "a": np.zeros(4, np.float32)})
    row = vectors["a"]
    assert np.shares_memory(row, vectors.taken(["a", "b"]))


def test_a_vector_of_another_length_is_refused_and_one_that_is_not_there_missed() -> None:
    vectors = Vectors(["a", "b", "c"])
    vectors["a"] = np.zeros(4, np.float32)
    with pytest.raises(ValueError, match="broadcast"):
        vectors["b"] = np.zeros(5, np.float32)
    assert "b" not in vectors
    with pytest.raises(KeyError):
        vectors["b"]
    with pytest.raises(KeyError):
        vectors["z"] = np.zeros(4, np.float32)
    del vectors["a"]
    assert not vectors
    with pytest.raises(KeyError):
        vectors.taken(["a"])


def test_none_at_all_are_an_empty_array() -> None:
    assert Vectors([]).taken([]).shape == (0, 0)


def test_some_rows_stand_for_a_matrix_of_their_own() -> None:
    whole = np.arange(40, dtype=np.float32).reshape(10, 4)
    rows = np.array([7, 2, 5, 9])
    some = Selected(whole, rows)
    own = whole[rows]
    assert (some.shape, len(some)) == (own.shape, 4)
    assert np.array_equal(some[1:3], own[1:3])
    assert np.array_equal(some[np.array([3, 0])], own[[3, 0]])
    assert np.array_equal(Selected(some, np.array([2, 1]))[:], own[[2, 1]])
