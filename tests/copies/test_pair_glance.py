"""A glance drops pairs of different photographs, and none that a closer look could prove."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from test_align import EDITS, cut, dot, photograph

from curate.copies import glance
from curate.copies.glance import Glance

NAMES = ("astronaut", "chelsea", "coffee", "rocket")


def seen(grey: NDArray[np.uint8]) -> Glance:
    return glance.see(np.ascontiguousarray(grey))


def is_hopeless(one: Glance, other: Glance) -> bool:
    return glance.are_hopeless([(one, other)])[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("edit", [*EDITS, "deep crop", "mirrored deep crop"])
def test_an_edited_copy_is_worth_a_closer_look(name: str, edit: str) -> None:
    original = photograph(name)
    deep = cut(original, 0.42, 0.4, 0.4)
    copy = {"deep crop": deep, "mirrored deep crop": deep[:, ::-1]}.get(edit)
    copy = EDITS[edit](original) if copy is None else copy
    one, other = seen(original), seen(copy)
    assert not is_hopeless(one, other)
    assert not is_hopeless(other, one)


@pytest.mark.parametrize(("a", "b"), list(combinations(NAMES[:3], 2)))
def test_different_photographs_are_not(a: str, b: str) -> None:
    one, other = seen(photograph(a)), seen(photograph(b))
    assert min(len(one.places), len(other.places)) >= glance.ENOUGH
    assert is_hopeless(one, other)
    assert is_hopeless(one, seen(photograph(b)[:, ::-1]))


def test_nothing_is_concluded_of_pictures_with_few_features() -> None:
    plain, flat = seen(dot(100, 100)), seen(np.full((300, 300), 90, np.uint8))
    assert len(plain.places) < glance.ENOUGH
    assert flat.squares.shape == (2, 0, glance.CELLS**2 // 2)
    for other in (plain, flat, seen(photograph("coffee"))):
        assert not is_hopeless(plain, other)
        assert not is_hopeless(other, flat)


@pytest.mark.parametrize("shape", [(1, 600), (600, 1), (5, 5), (97, 96), (2000, 30)])
def test_pictures_of_any_shape_can_be_seen(shape: tuple[int, int]) -> None:
    grey = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert max(seen(grey).grey.shape) == glance.SIDE


def test_halves_tell_of_squares_and_of_their_mirror_images() -> None:
    squares = np.random.default_rng(2).normal(size=(40, glance.CELLS**2)).astype(np.float32)
    squares[20:] += squares[:20]  # some are alike
    turned = squares.reshape(-1, glance.CELLS, glance.CELLS)[:, ::-1].reshape(squares.shape)
    halves, of_turned = (glance._halves(one).astype(np.float32) for one in (squares, turned))
    stay, turn = halves @ halves.transpose(0, 2, 1)
    assert (stay + turn) / glance.UNIT**2 == pytest.approx(np.corrcoef(squares), abs=0.02)
    assert (stay - turn) / glance.UNIT**2 == pytest.approx(np.corrcoef(squares, turned)[:40, 40:], abs=0.02)
    assert (of_turned == halves * np.float32([1, -1])[:, None, None]).all()


def test_products_of_squares_are_exact() -> None:
    """Whole numbers below 2^24 have no rounding in float32, in whatever order they are added."""
    assert 2 * (glance.CELLS**2 // 2) * 127**2 < 2**24


@pytest.mark.parametrize("mirrored", [False, True])
def test_features_under_one_map_vote_for_each_other_and_strays_do_not(mirrored: bool) -> None:
    random = np.random.default_rng(4)
    places = (random.uniform(10, 80, 12) + 1j * random.uniform(10, 80, 12)).astype(np.complex64)
    frames = (random.uniform(2, 6, 12) * np.exp(2j * np.pi * random.random(12))).astype(np.complex64)
    change, shift = 0.6 * np.exp(0.9j), 14 + 3j
    flip = np.conj if mirrored else np.array
    there, turned = (change * flip(places) + shift).astype(np.complex64), (change * flip(frames)).astype(np.complex64)
    there[9] += 20  # elsewhere
    turned[10] *= np.exp(1j).astype(np.complex64)  # turned
    turned[11] *= 2  # larger
    rows, every = np.arange(12)[None], np.ones((1, 12), bool)
    flips = np.full(12, mirrored)
    matches = glance._Matches(rows[0] * 0, flips, places, there, (turned / flip(frames)).astype(np.complex64))
    (agree,) = glance._agree(matches, rows, every)
    assert agree[:9, :9].all()
    assert not agree[:9, 9:].any()
    votes, which = glance._votes(matches)[0]
    assert (votes, which.tolist()) == (9, list(range(9)))
    plain = replace(matches, mirrored=rows[0] < 9)
    assert not glance._agree(plain, rows, every)[0, :9, 9:].any()  # nor plain ones for mirrored ones
    assert not glance._agree(matches, rows, every & (rows < 3))[0, :, 3:].any()  # nor any that are not there
    affine = glance._affine(places[:9], there[:9], mirrored=mirrored)
    assert np.sign(np.linalg.det(affine[:, :2])) == (-1 if mirrored else 1)
    brought = np.stack([places[:9].real, places[:9].imag, np.ones(9)], 1) @ affine.T
    assert brought == pytest.approx(np.stack([there[:9].real, there[:9].imag], 1), abs=1e-3)


def test_a_map_with_few_votes_counts_if_the_pixels_agree_under_it() -> None:
    one, other = seen(photograph("astronaut")), seen(photograph("coffee"))
    few = 5
    mixed = Glance(
        one.grey,
        np.concatenate([one.places[:few], other.places[few:]]),
        np.concatenate([one.frames[:few], other.frames[few:]]),
        np.concatenate([one.squares[:, :few], other.squares[:, few:]], axis=1),
    )
    assert not is_hopeless(one, mixed)
    assert is_hopeless(one, replace(mixed, grey=other.grey))


def test_many_pairs_together_are_judged_as_one_by_one() -> None:
    edits = [photograph("rocket"), EDITS[next(iter(EDITS))](photograph("coffee")), dot(100, 100)]
    looks = [*(seen(photograph(name)) for name in NAMES), *(seen(picture[:, ::-1]) for picture in edits)]
    pairs = [(one, other) for one in looks for other in looks]
    assert len(pairs) > 3 * 8
    together = glance.are_hopeless(pairs)
    assert together == [is_hopeless(*pair) for pair in pairs]
    assert set(together) == {True, False}
    assert glance.are_hopeless([]) == []


def test_pairs_of_pictures_with_many_features_are_judged_a_few_at_a_time() -> None:
    """Of features that stand out alike all are given, ten times FEATURES in patterns that repeat."""
    astronaut = seen(photograph("astronaut"))
    pattern = Glance(
        astronaut.grey,
        np.tile(astronaut.places, 4),
        np.tile(astronaut.frames, 4),
        np.tile(astronaut.squares, (1, 4, 1)),
    )
    assert len(pattern.places) > 2 * glance.FEATURES
    coffee = seen(photograph("coffee"))
    pairs = [(pattern, pattern)] * 3 + [(coffee, coffee)] * 3 + [(coffee, pattern), (pattern, coffee)]
    parts = list(glance._few(pairs))
    assert [number for part in parts for number in part] == list(range(len(pairs)))
    for part in parts:
        ones, others = (max(len(pairs[number][side].places) for number in part) for side in (0, 1))
        assert len(part) == 1 or len(part) * ones * others <= glance.LIKENESSES
    assert parts[:3] == [[0], [1], [2]]
    assert glance.are_hopeless(pairs) == [is_hopeless(*pair) for pair in pairs]


def test_pixels_are_correlated_where_both_pictures_are() -> None:
    grey = seen(photograph("chelsea")).grey
    height, width = grey.shape
    half = np.float64([[0.5, 0, 10], [0, 0.5, 5]])
    small = cv2.warpAffine(grey, half, (width, height), borderMode=cv2.BORDER_REFLECT)
    assert glance._correlation(grey, small, half) > 0.9
    assert glance._correlation(small, grey, cv2.invertAffineTransform(half)) > 0.9
    assert abs(glance._correlation(grey, small, half + np.float64([[0, 0, 25], [0, 0, 9]]))) < 0.5
    assert glance._correlation(grey, small, half + np.float64([[0, 0, 2 * width], [0, 0, 0]])) == 0  # no overlap
    assert glance._correlation(grey, grey, np.float64([[0.1, 0, 40], [0, 0.1, 30]])) == 0  # hardly any
