"""Reductions average areas and keep the whole picture."""

import numpy as np
import pytest

from curate.features import shrink


def stripes(height: int, width: int) -> np.ndarray:
    """One px white, one px black, along both sides: any reduction that skips pixels shows white or black."""
    board = np.indices((height, width)).sum(axis=0) % 2 * 255
    return np.repeat(board[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("shape", [(1024, 1024), (1023, 767), (700, 2100), (240, 3000)])
def test_a_fine_pattern_becomes_even_grey_not_moire(shape):
    square = shrink.squash(stripes(*shape), 112)
    assert square.shape == (112, 112, 3)
    inner = square.astype(int)
    assert abs(inner.mean() - 127.5) < 2
    assert inner.std() < 16  # of 255 levels; the pattern itself has 127


def test_a_square_holds_the_whole_picture_with_its_edges():
    picture = np.zeros((300, 900, 3), np.uint8)
    picture[:, :9], picture[:, -9:], picture[:3] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    square = shrink.squash(picture, 100)
    assert square[50, 0].tolist() == [255, 0, 0]
    assert square[50, -1].tolist() == [0, 255, 0]
    assert square[0, 50].tolist() == [0, 0, 255]


def test_small_pictures_are_enlarged_for_the_square_and_never_for_a_thumbnail():
    small = stripes(20, 30)
    assert shrink.squash(small, 64).shape == (64, 64, 3)
    assert shrink.fit(small, 512) is small
    assert shrink.fit(stripes(1, 3000), 512).shape == (1, 512, 3)
    assert shrink.fit(shrink.grey(stripes(900, 600)), 512).shape == (512, 341)
