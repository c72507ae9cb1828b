"""Effective images obey the axioms of a diversity, exactly where files are equal and to rounding elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.diversity import kernel, kernels, landmarks, maximum_diversity, measure, sampled_diversity
from curate.diversity import maximum as solver

U = 0.05
CLOSE = 1e-6  # of the number: the solver's jitter is 1e-8


def pictures(seed: int, n: int, spread: float = 0.6, dimensions: int = 16) -> np.ndarray:
    """`n` embeddings round a common direction, as of one subject."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=dimensions) + spread * random.normal(size=(n, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def count(vectors: np.ndarray, u: float = U) -> float:
    return measure(vectors, np.arange(len(vectors)), u).effective_images


sets = st.builds(
    pictures, seed=st.integers(0, 2**32 - 1), n=st.integers(1, 24), spread=st.sampled_from([0.05, 0.2, 0.6, 2.0])
)
scales = st.sampled_from([0.005, 0.05, 0.3])


@given(sets, scales)
def test_it_lies_between_one_and_the_number_of_pictures(vectors, u):
    found = measure(vectors, np.arange(len(vectors)), u)
    assert 1.0 <= found.low <= found.effective_images <= found.high <= len(vectors)
    assert found.weights.min() >= 0
    assert found.weights.max() <= 1
    assert found.weights.sum() == pytest.approx(found.effective_images, rel=CLOSE)
    assert 0 < found.evenness <= 1


@given(sets, scales, st.data())
def test_a_new_picture_never_lowers_it(vectors, u, data):
    new = data.draw(
        st.builds(pictures, seed=st.integers(0, 2**32 - 1), n=st.just(1), spread=st.sampled_from([0.05, 2.0]))
    )
    assert count(np.concatenate([vectors, new]), u) >= count(vectors, u) * (1 - CLOSE)


@given(sets, scales, st.data())
def test_folded_copies_change_nothing_at_all(vectors, u, data):
    copied = data.draw(st.lists(st.integers(0, len(vectors) - 1), max_size=40))
    near = (vectors[copied] + np.float32(0.01)).astype(np.float32)  # proved copies need not have equal embeddings
    alone = measure(vectors, np.arange(len(vectors)), u)
    found = measure(np.concatenate([vectors, near]), np.array([*range(len(vectors)), *copied]), u)
    assert (found.effective_images, found.low, found.high) == (alone.effective_images, alone.low, alone.high)
    assert found.weights[len(vectors) :].tolist() == [0.0] * len(copied)
    assert found.weights[: len(vectors)].tolist() == alone.weights.tolist()
    assert (found.files, found.photographs) == (len(vectors) + len(copied), len(vectors))


@given(sets, scales, st.data())
def test_unproved_equal_pictures_change_next_to_nothing(vectors, u, data):
    copied = data.draw(st.lists(st.integers(0, len(vectors) - 1), max_size=40))
    assert count(np.concatenate([vectors, vectors[copied]]), u) == pytest.approx(count(vectors, u), rel=1e-5)


@given(sets, scales, st.randoms(use_true_random=False))
def test_the_order_of_files_changes_no_bit(vectors, u, random):
    shuffled = list(range(len(vectors)))
    random.shuffle(shuffled)
    one, other = (measure(v, np.arange(len(v)), u) for v in (vectors, vectors[shuffled]))
    assert one.effective_images == other.effective_images
    assert (one.low, one.high, one.evenness) == (other.low, other.high, other.evenness)
    assert one.weights[shuffled].tolist() == other.weights.tolist()


def test_a_given_order_decides_between_equal_pictures():
    vectors = np.repeat(pictures(1, 3), 2, axis=0)
    by_name = np.array([5, 3, 1, 0, 2, 4])
    shuffled = np.array([4, 0, 5, 2, 1, 3])
    back = np.argsort(shuffled)
    one = measure(vectors, np.arange(6), U, by_name)
    other = measure(vectors[shuffled], np.arange(6), U, back[by_name])
    assert one.weights[shuffled].tolist() == other.weights.tolist()


@given(sets, sets, scales)
def test_unrelated_groups_add_up(one, other, u):
    apart = np.zeros((len(one) + len(other), 32), dtype=np.float32)
    apart[: len(one), :16], apart[len(one) :, 16:] = one, other
    across = float(kernel(np.zeros(1), u)[0])  # what is left between them: 2^(-1/u)
    assert count(apart, u) == pytest.approx(count(one, u) + count(other, u), rel=CLOSE + 2 * across * len(apart))


@given(sets, scales)
def test_a_wider_scale_never_raises_it(vectors, u):
    assert count(vectors, 1.4 * u) <= count(vectors, u) * (1 + CLOSE)


@settings(max_examples=40)
@given(sets, scales)
def test_no_mixture_is_more_diverse(vectors, u):
    random = np.random.default_rng(0)
    whole = count(vectors, u)
    for _ in range(20):
        draws = random.exponential(size=len(vectors))
        assert sampled_diversity(vectors, np.arange(len(vectors)), draws, u) <= whole * (1 + CLOSE)
    weights = measure(vectors, np.arange(len(vectors)), u).weights
    assert sampled_diversity(vectors, np.arange(len(vectors)), weights, u) == pytest.approx(whole, rel=CLOSE)


@pytest.mark.parametrize("seed", range(6))
def test_pivoting_finds_what_least_squares_finds(seed):
    vectors = pictures(seed, 60, spread=0.1 + 0.2 * seed).astype(np.float64)
    K = kernel(vectors @ vectors.T, 0.2)
    value, weights = maximum_diversity(K)
    assert value == pytest.approx(solver._non_negative_least_squares(K).sum(), rel=CLOSE)
    assert (K @ weights).min() > 1 - CLOSE  # the conditions of the optimum


def test_without_pivots_the_slower_method_gives_the_same(monkeypatch):
    vectors = pictures(3, 40).astype(np.float64)
    K = kernel(vectors @ vectors.T, 0.2)
    value, weights = maximum_diversity(K)
    monkeypatch.setattr(solver, "MAX_PIVOTS", 0)
    slower, others = maximum_diversity(K)
    assert slower == pytest.approx(value, rel=CLOSE)
    assert others == pytest.approx(weights, abs=1e-4)


def test_single_exchanges_also_reach_the_optimum(monkeypatch):
    vectors = pictures(4, 40, spread=0.3).astype(np.float64)
    K = kernel(vectors @ vectors.T, 0.2)
    value, _ = maximum_diversity(K)
    monkeypatch.setattr(solver, "PATIENCE", 0)
    assert maximum_diversity(K)[0] == pytest.approx(value, rel=1e-9)


def test_known_kernels():
    assert maximum_diversity(np.eye(7))[0] == pytest.approx(7)
    assert maximum_diversity(np.ones((5, 5)))[0] == pytest.approx(1)
    assert maximum_diversity(np.array([[1.0, 0.5], [0.5, 1.0]]))[0] == pytest.approx(4 / 3)
    equal = np.full((9, 9), 0.2) + 0.8 * np.eye(9)
    assert maximum_diversity(equal)[0] == pytest.approx(9 / (1 + 8 * 0.2))
    value, weights = maximum_diversity(np.zeros((0, 0)))
    assert (value, len(weights)) == (0.0, 0)


def test_the_kernel_halves_at_the_half_similarity():
    assert kernel(np.array([1.0, 0.95, 0.90, 1.0 + 1e-7]), 0.05) == pytest.approx([1, 0.5, 0.25, 1])


def test_ten_pictures_of_which_one_has_400_copies_are_ten():
    vectors = np.eye(10, dtype=np.float32)
    found = measure(np.concatenate([vectors, vectors[[0] * 400]]), np.array([*range(10), *[0] * 400]), U)
    assert found.effective_images == pytest.approx(10, rel=1e-5)  # unrelated pictures keep a kernel of 2^-20
    shares = np.array([401, *[1] * 9]) / 410
    assert found.evenness == pytest.approx(1 / (shares**2).sum() / 10, rel=1e-4)
    assert (found.files, found.photographs) == (410, 10)


def test_rows_that_do_not_count_have_no_weight():
    vectors = np.eye(4, dtype=np.float32)
    found = measure(vectors, np.array([0, -1, 2, -1]), U)
    assert (found.files, found.photographs) == (2, 2)
    assert found.weights[[1, 3]].tolist() == [0, 0]
    assert found.effective_images == pytest.approx(2, rel=1e-5)


def test_an_empty_set_holds_nothing():
    found = measure(np.zeros((0, 8), dtype=np.float32), np.zeros(0, dtype=int), U)
    assert (found.effective_images, found.files, found.photographs, len(found.weights)) == (0, 0, 0, 0)


def test_a_keeper_that_has_a_keeper_is_refused():
    with pytest.raises(ValueError, match="stand for itself"):
        measure(np.eye(3, dtype=np.float32), np.array([1, 2, 2]), U)


def test_a_set_whose_pictures_all_look_alike_to_the_model_is_kernel_limited():
    alike = pictures(0, 200, spread=0.25, dimensions=256)  # cosines near .94
    assert measure(alike, np.arange(200), U).kernel_limited
    assert not measure(alike, np.arange(200), U / 20).kernel_limited  # a model that tells them apart


def test_few_pictures_or_frames_of_one_scene_do_not_blame_the_model():
    assert not measure(pictures(0, 5, spread=0.25), np.arange(5), U).kernel_limited
    frames = pictures(0, 40, spread=0.05, dimensions=256)  # cosines near .998
    assert not measure(frames, np.arange(40), U).kernel_limited


def test_drawing_one_picture_most_of_the_time_shows_little_more_than_one():
    vectors = np.eye(10, dtype=np.float32)
    draws = np.array([81, *[1] * 9])
    assert sampled_diversity(vectors, np.arange(10), draws, U) == pytest.approx(1 / ((draws / 90) ** 2).sum(), rel=1e-4)
    assert sampled_diversity(vectors, np.arange(10), np.zeros(10), U) == 0
    with pytest.raises(ValueError, match="draw_weights"):
        sampled_diversity(vectors, np.arange(10), -draws, U)


def test_draws_of_copies_fall_to_their_keeper():
    vectors = pictures(2, 6)
    folded = sampled_diversity(vectors, np.array([0, 1, 2, 0, 0, -1]), np.ones(6), U)
    assert folded == pytest.approx(sampled_diversity(vectors[:3], np.arange(3), np.array([3, 1, 1]), U), rel=1e-12)


def test_blocks_give_what_the_whole_kernel_gives(monkeypatch):
    vectors, draws = pictures(5, 50), np.random.default_rng(1).random(50)
    whole = sampled_diversity(vectors, np.arange(50), draws, U)
    monkeypatch.setattr(kernels, "BLOCK_BYTES", 8 * 50 * 7)  # seven rows at a time
    assert sampled_diversity(vectors, np.arange(50), draws, U) == pytest.approx(whole, rel=1e-12)


def test_landmarks_reach_the_number_of_the_whole_set(monkeypatch):
    vectors = pictures(6, 300, spread=0.3)
    whole = measure(vectors, np.arange(300), 0.2)
    monkeypatch.setattr(landmarks, "DENSE", 250)
    monkeypatch.setattr(landmarks, "LANDMARKS", 20)
    found = measure(vectors, np.arange(300), 0.2)
    assert not found.at_least
    assert whole.effective_images * 0.99 <= found.effective_images <= whole.effective_images * (1 + CLOSE)


def test_a_set_too_rich_for_its_landmarks_gives_a_lower_bound(monkeypatch):
    vectors = np.eye(64, dtype=np.float32)
    vectors[:32, 0] += 4.0  # half of the set is alike, so that equal shares are not the best mixture
    whole = measure(vectors, np.arange(64), U)
    monkeypatch.setattr(landmarks, "DENSE", 16)
    monkeypatch.setattr(landmarks, "LANDMARKS", 8)
    found = measure(vectors, np.arange(64), U)
    assert found.at_least
    assert 10 < found.effective_images <= 16 < whole.effective_images  # sixteen rows; equal shares would hold eight
    assert found.weights.sum() == pytest.approx(found.effective_images, rel=CLOSE)
    assert found.low <= found.effective_images <= found.high


def test_unrelated_pictures_beyond_one_kernel_are_counted_by_their_even_mixture(monkeypatch):
    monkeypatch.setattr(landmarks, "DENSE", 32)
    monkeypatch.setattr(landmarks, "LANDMARKS", 8)
    found = measure(np.eye(64, dtype=np.float32), np.arange(64), U)
    assert found.at_least
    assert found.effective_images == pytest.approx(64, rel=1e-3)


def test_rounds_that_end_before_all_is_covered_give_a_lower_bound(monkeypatch):
    """The rows that joined last were never solved for, and have no weight."""
    vectors = pictures(6, 300, spread=0.3)
    whole = measure(vectors, np.arange(300), 0.1)
    monkeypatch.setattr(landmarks, "DENSE", 250)
    monkeypatch.setattr(landmarks, "LANDMARKS", 4)
    for rounds in (1, 2, 3):
        monkeypatch.setattr(landmarks, "ROUNDS", rounds)
        found = measure(vectors, np.arange(300), 0.1)
        assert found.at_least
        assert 1 < found.effective_images < whole.effective_images
        assert found.weights.sum() == pytest.approx(found.effective_images, rel=CLOSE)


def test_landmarks_tell_the_evenness_of_the_files(monkeypatch):
    vectors, keepers = pictures(6, 300, spread=0.3), np.arange(300)
    keepers[:20] = 0
    whole = measure(vectors, keepers, 0.2)
    monkeypatch.setattr(landmarks, "DENSE", 250)
    assert measure(vectors, keepers, 0.2).evenness == pytest.approx(whole.evenness, rel=0.02)


SHAPES = {  # vectors [n, 96] that make the kernel easy, clustered, nearly singular, singular
    "unrelated": lambda random, n: random.normal(size=(n, 96)),
    "clustered": lambda random, n: random.normal(size=(n // 8, 96)).repeat(8, 0) + 0.5 * random.normal(size=(n, 96)),
    "nearly copies": lambda random, n: (
        random.normal(size=(n // 8, 96)).repeat(8, 0) + 0.02 * random.normal(size=(n, 96))
    ),
    "copies": lambda random, n: random.normal(size=(n // 8, 96)).repeat(8, 0),
    "on a path": lambda random, n: np.cumsum(random.normal(size=(n, 96)), axis=0) / 9 + random.normal(size=96),
    "of few dimensions": lambda random, n: random.normal(size=(n, 5)) @ random.normal(size=(5, 96)),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("u", [0.03, 0.3])
def test_large_kernels_solved_step_by_step_meet_the_conditions_of_the_optimum(monkeypatch, shape, u):
    vectors = SHAPES[shape](np.random.default_rng(3), 320)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    K = kernel(vectors @ vectors.T, u)
    np.fill_diagonal(K, 1.0)
    plain = maximum_diversity(K)[0]
    monkeypatch.setattr(solver, "DIRECT", 40)  # from here on rows join, and gradients solve
    monkeypatch.setattr(solver, "JOINING", 24)
    monkeypatch.setattr(solver, "STEPS", 2)
    value, weights = maximum_diversity(K)
    assert value == pytest.approx(plain, rel=1e-6)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(value, rel=1e-9)
    cover = K @ weights
    assert cover.min() > 1 - CLOSE
    assert cover[weights > 1e-3] == pytest.approx(1, abs=1e-5)
    assert value == pytest.approx(solver._non_negative_least_squares(K).sum(), rel=CLOSE)


@pytest.mark.parametrize("shape", SHAPES)
def test_where_gradients_give_up_factors_give_the_same(monkeypatch, shape):
    vectors = SHAPES[shape](np.random.default_rng(4), 160)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    K = kernel(vectors @ vectors.T, 0.1)
    plain = maximum_diversity(K)[0]
    monkeypatch.setattr(solver, "DIRECT", 10)
    monkeypatch.setattr(solver, "STEPS", 1000)  # no step at all
    assert maximum_diversity(K)[0] == pytest.approx(plain, rel=CLOSE)


def test_what_it_begins_with_changes_nothing():
    vectors = pictures(8, 80, spread=0.3).astype(np.float64)
    K = kernel(vectors @ vectors.T, 0.2)
    some = np.zeros(80, dtype=bool)
    some[::9] = True
    assert maximum_diversity(K, some)[0] == pytest.approx(maximum_diversity(K)[0], rel=1e-9)
