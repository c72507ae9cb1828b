"""Hashes know a picture in any of eight orientations, and pairs are found completely, in any order of files."""

from pathlib import Path

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curate.features import hashes, lookup
from curate.features.hashes import INVERSE, NOTHING, ORIENTATIONS, distance, eight, near_pairs, near_some

SAMPLES = Path(__file__).parents[2] / "sample_images"


def sample(name: str) -> np.ndarray:
    with Image.open(SAMPLES / name) as image:
        return np.asarray(image.convert("RGB"))


def oriented(picture: np.ndarray, orientation: int) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(picture[:, ::-1] if orientation >= 4 else picture, orientation % 4))


@pytest.mark.parametrize("name", ["nora_01.jpg", "nora_09.jpg", "nora_19.jpg"])
def test_the_upright_hash_is_imagehash_s_own(name):
    picture = sample(name)
    theirs = np.uint64(int(str(imagehash.phash(Image.fromarray(picture))), 16))
    assert distance(eight(picture)[0], theirs) <= 2


@pytest.mark.parametrize("orientation", range(8), ids=ORIENTATIONS)
def test_a_turned_picture_has_the_hash_of_that_orientation(orientation):
    picture = sample("nora_03.jpg")
    known, turned = eight(picture), eight(oriented(picture, orientation))
    assert distance(known[orientation], turned[0]) <= 4
    assert distance(known[0], turned[INVERSE[orientation]]) <= 4
    others = [int(distance(known[other], turned[0])) for other in range(8) if other != orientation]
    assert min(others) > 10


def test_a_mirrored_file_is_found_with_its_orientation():
    rows = np.stack([eight(sample(name)) for name in ("nora_10.jpg", "nora_03.jpg", "nora_selfie.jpg")])
    assert [pair[:3] for pair in near_pairs(rows)] == [(0, 2, ORIENTATIONS.index("mirrored"))]


@pytest.mark.parametrize("level", [0, 130, 255])
def test_flat_pictures_have_no_hash_and_no_pairs(level):
    noise = np.random.default_rng(0).integers(0, 2, size=(80, 60, 3))
    flat = eight((np.full((80, 60, 3), level) - np.sign(level - 1) * noise).astype(np.uint8))
    assert flat.tolist() == [NOTHING] * 8
    assert list(near_pairs(np.stack([flat, flat]))) == []


def test_grey_and_colour_give_the_same_hash():
    picture = sample("nora_06.jpg")
    assert np.array_equal(eight(picture), eight(np.asarray(Image.fromarray(picture).convert("L"))))


def test_distance_counts_bits():
    words = np.array([0, 1, 2**64 - 1, 2**63], dtype=np.uint64)
    assert distance(words, np.uint64(0)).tolist() == [0, 1, 64, 1]
    assert distance(words[:, None], words[None, :])[1].tolist() == [1, 0, 63, 2]


def test_counting_bits_does_not_need_numpy_2(monkeypatch):
    words = np.random.default_rng(0).integers(0, 2**63, size=(5, 8), dtype=np.uint64)
    new = distance(words, words[::-1])
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert np.array_equal(distance(words, words[::-1]), new)


def planted(seed: int, n: int) -> np.ndarray:
    """Random hashes, a third of them near another in some orientation."""
    random = np.random.default_rng(seed)
    rows = random.integers(1, 2**63, size=(n, 8), dtype=np.uint64)
    for copy in range(n // 3):
        orientation, bits = random.integers(8), random.choice(64, size=random.integers(0, 14), replace=False)
        rows[n - 1 - copy, 0] = rows[copy, orientation] ^ np.bitwise_or.reduce(
            np.uint64(1) << bits.astype(np.uint64), initial=np.uint64(0)
        )
    return rows


def one_by_one(rows: np.ndarray, limit: int) -> list[tuple[int, int, int, int]]:
    found = []
    for i in range(len(rows)):
        for j in range(i + 1, len(rows)):
            bits = [
                min(int(distance(rows[i, 0], rows[j, o])), int(distance(rows[i, INVERSE[o]], rows[j, 0])))
                for o in range(8)
            ]
            if min(bits) <= limit:
                found.append((i, j, bits.index(min(bits)), min(bits)))
    return found


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 3, 10]))
def test_every_pair_within_the_limit_is_found_once(seed, limit):
    rows = planted(seed, 30)
    assert list(near_pairs(rows, limit)) == one_by_one(rows, limit)


@pytest.mark.parametrize("limit", [0, 6, 10])
def test_looking_up_words_finds_what_comparing_finds(monkeypatch, limit):
    rows = planted(7, 200)
    compared = list(near_pairs(rows, limit))
    assert len(compared) >= 3
    monkeypatch.setattr(hashes, "DIRECT", 10)
    assert list(near_pairs(rows, limit)) == compared


def test_small_blocks_find_the_same_pairs(monkeypatch):
    rows = planted(9, 90)
    whole = list(near_pairs(rows))
    monkeypatch.setattr(hashes, "BLOCK", 8 * 90 * 4)
    assert list(near_pairs(rows)) == whole


def test_the_order_of_files_changes_no_pair():
    rows = planted(11, 60)
    shuffled = np.random.default_rng(0).permutation(60)
    back = {(min(i, j), max(i, j), bits) for i, j, _, bits in near_pairs(rows)}
    there = {
        (min(shuffled[i], shuffled[j]), max(shuffled[i], shuffled[j]), bits)
        for i, j, _, bits in near_pairs(rows[shuffled])
    }
    assert there == back


def test_no_pictures_have_no_pairs():
    assert list(near_pairs(np.zeros((0, 8), dtype=np.uint64))) == []


@pytest.mark.parametrize("direct", [0, 1000])
def test_a_crowd_of_near_pictures_gives_each_its_nearest(monkeypatch, direct):
    monkeypatch.setattr(hashes, "DIRECT", direct)
    monkeypatch.setattr(lookup, "CROWD", 300)
    random = np.random.default_rng(5)
    rows = random.integers(1, 2**63, size=(400, 8), dtype=np.uint64)
    at_rest = rows[0].copy()
    rows[100:300] = at_rest  # two hundred frames of a camera at rest, some with a bit of noise
    rows[100:300:3, 0] ^= np.uint64(1) << random.integers(0, 64, size=67).astype(np.uint64)
    found = list(near_pairs(rows, most=4))
    times = np.bincount(np.ravel([pair[:2] for pair in found]), minlength=400)
    assert (times[100:300] >= 4).all()
    assert len(found) <= 4 * 201
    assert set(found) <= set(near_pairs(rows, most=400))
    assert (times[1:100] == 0).all()


def test_equal_hashes_propose_the_pictures_next_in_order():
    rows = np.repeat(np.random.default_rng(6).integers(1, 2**63, size=(1, 8), dtype=np.uint64), 50, axis=0)
    assert {j - i for i, j, *_ in near_pairs(rows, most=4)} == {1, 2, 3, 4}


@pytest.mark.parametrize("words", [4, 5, 6])
def test_words_of_every_length_find_all_pairs(monkeypatch, words):
    monkeypatch.setattr(lookup, "WORDS", ((0, words),))
    monkeypatch.setattr(hashes, "DIRECT", 0)
    rows = planted(13, 150)
    assert list(near_pairs(rows)) == one_by_one(rows, 10)


def test_a_few_pictures_find_what_all_of_them_find_together():
    rows = np.random.default_rng(4).integers(1, 2**63, size=(60, 8), dtype=np.uint64)
    rows[30:50, 0] = rows[:20, 5] ^ np.uint64(0b111)
    rows[7] = rows[31] = NOTHING
    whole = {(i, j) for i, j, *_ in near_pairs(rows, most=400)}
    assert len(whole) >= 15
    found = [np.sort(near_some(rows, np.array([row])), axis=1) for row in range(60)]
    assert {tuple(pair) for pairs in found for pair in pairs.tolist()} == whole
    assert {tuple(sorted(pair)) for pair in near_some(rows, np.arange(60)).tolist()} == whole
