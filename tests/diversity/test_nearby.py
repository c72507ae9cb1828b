"""A count that is carried on after a few pictures left or came agrees with the whole count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curate import diversity

U = 0.05  # half similarity .95, as embedders of pictures have it


def drawn(count: int, seed: int, spread: float) -> NDArray[np.float32]:
    """Unit vectors round a few centres, as pictures of one subject in several scenes lie."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(2, count // 6), 24))
    vectors = centres[rng.integers(0, len(centres), count)] + spread * rng.normal(size=(count, 24))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), spread=st.sampled_from([0.1, 0.3, 0.6]), gone=st.integers(1, 20))
def test_leaving_pictures_out_and_taking_them_back_agrees_with_the_whole_count(
    seed: int, spread: float, gone: int
) -> None:
    embeddings = drawn(300, seed, spread)
    whole = np.arange(300)
    fewer = whole.copy()
    fewer[np.random.default_rng(seed + 1).choice(300, gone, replace=False)] = -1
    before, after = diversity.measure(embeddings, whole, U), diversity.measure(embeddings, fewer, U)
    near = diversity.recount(embeddings, whole, fewer, before, U)
    assert near is not None
    assert near.estimated
    assert near.effective_images == pytest.approx(after.effective_images, rel=2e-3)
    assert near.effective_images <= after.effective_images * (1 + 1e-6)  # never above: it is a lower bound
    assert (near.weights[fewer < 0] == 0).all()
    assert near.low <= near.effective_images <= near.high
    assert (near.files, near.photographs) == (after.files, after.photographs)
    back = diversity.recount(embeddings, fewer, whole, near, U)
    assert back is not None
    assert back.effective_images == pytest.approx(before.effective_images, rel=2e-3)


def test_another_keeper_of_the_same_photograph_moves_the_count_to_it() -> None:
    embeddings = drawn(200, 1, 0.3)
    one = np.arange(200)
    one[7] = 3
    other = np.arange(200)
    other[3] = 7
    near = diversity.recount(embeddings, one, other, diversity.measure(embeddings, one, U), U)
    assert near is not None
    exact = diversity.measure(embeddings, other, U)
    assert near.effective_images == pytest.approx(exact.effective_images, rel=1e-3)
    assert near.weights[3] == 0.0


def test_files_that_are_copies_come_and_go_without_a_change() -> None:
    embeddings = drawn(200, 1, 0.3)
    one = np.arange(200)
    one[7] = 3
    other = one.copy()
    other[7] = -1
    held = diversity.measure(embeddings, one, U)
    near = diversity.recount(embeddings, one, other, held, U)
    assert near is not None
    assert (near.effective_images, near.files) == (held.effective_images, held.files - 1)


def test_many_changes_at_once_ask_for_the_whole_count() -> None:
    embeddings = drawn(200, 1, 0.3)
    whole, fewer = np.arange(200), np.where(np.arange(200) < 50, -1, np.arange(200))
    assert diversity.recount(embeddings, whole, fewer, diversity.measure(embeddings, whole, U), U) is None
