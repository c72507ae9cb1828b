"""Reductions average areas and keep the whole picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curate.features import shrink

SAMPLES = Path(__file__).parents[2] / "sample_images"


def stripes(height: int, width: int) -> np.ndarray:
    """One px white, one px black, along both sides: any reduction that skips pixels shows white or black."""
    board = np.indices((height, width)).sum(axis=0) % 2 * 255
    return np.repeat(board[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("shape", [(1024, 1024), (1023, 767), (700, 2100), (240, 3000), (428, 370), (333, 449)])
def test_a_fine_pattern_becomes_even_grey_not_moire(shape):
    square = shrink.squash(stripes(*shape), 112)
    assert square.shape == (112, 112, 3)
    inner = square.astype(int)
    assert abs(inner.mean() - 127.5) < 2
    assert inner.std() < 16  # of 255 levels; the pattern itself has 127


def test_a_square_holds_the_whole_picture_with_its_edges():
    picture = np.zeros((300, 900, 3), np.uint8)
    picture[:, :18], picture[:, -18:], picture[:6] = (255, 0, 0), (0, 255, 0), (0, 0, 255)  # 2 px of the square each
    square = shrink.squash(picture, 100)
    assert square[50, 0].tolist() == [255, 0, 0]
    assert square[50, -1].tolist() == [0, 255, 0]
    assert square[0, 50].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("height", "width", "side"), [(640, 480, 112), (640, 480, 224), (601, 457, 224), (333, 449, 224)]
)
def test_a_square_of_a_picture_is_within_half_a_level_of_averages_over_areas(height, width, side):
    for name in ("nora_02.jpg", "nora_09.jpg"):
        with Image.open(SAMPLES / name) as image:
            picture = np.asarray(image.convert("RGB"))[:height, :width]
        expected = averages(averages(picture.astype(float), side).swapaxes(0, 1), side).swapaxes(0, 1)
        assert np.abs(shrink.squash(picture, side) - expected).mean() < 0.5


def averages(picture: np.ndarray, rows: int) -> np.ndarray:
    """Exact means of the picture's rows over `rows` equal spans, by differences of running sums."""
    sums = np.concatenate([np.zeros_like(picture[:1]), picture.cumsum(axis=0)])
    ends = np.linspace(0, len(picture), rows + 1)
    below = np.minimum(ends.astype(int), len(picture) - 1)
    at = sums[below] + (sums[below + 1] - sums[below]) * (ends - below)[:, None, None]
    return np.diff(at, axis=0) * rows / len(picture)


def test_halving_keeps_at_least_what_is_asked_for():
    picture = np.arange(9 * 40, dtype=np.uint8).reshape(9, 40) % 7
    assert shrink.halved(picture, 4).shape == (4, 5)
    assert shrink.halved(picture, 41) is picture
    assert np.array_equal(shrink.halved(np.tile(np.uint8([[10, 30], [50, 70]]), (8, 8)), 8), np.full((8, 8), 40))


def test_small_pictures_are_enlarged_for_the_square_and_never_for_a_thumbnail():
    small = stripes(20, 30)
    assert shrink.squash(small, 64).shape == (64, 64, 3)
    assert shrink.fit(small, 512) is small
    assert shrink.fit(stripes(1, 3000), 512).shape == (1, 512, 3)
    assert shrink.fit(shrink.grey(stripes(900, 600)), 512).shape == (512, 341)
