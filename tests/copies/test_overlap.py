"""What is measured of an overlap is what a plain count of its blocks and outlines gives."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from curate.copies import overlap

Grid = tuple[NDArray[np.float64], ...]


def blocks(a: NDArray[np.float32], b: NDArray[np.float32], step: int, side: int) -> Grid:
    """Correlation and both standard deviations, block by block."""
    rows, columns = (range(0, length - side + 1, step) for length in a.shape)

    def told(r: int, c: int) -> tuple[float, float, float]:
        one, other = (x[r : r + side, c : c + side].astype(float).ravel() for x in (a, b))
        return float(np.cov(one, other, bias=True)[0, 1]), float(one.std()), float(other.std())

    together, one, other = np.moveaxis(np.array([[told(r, c) for c in columns] for r in rows]), -1, 0)
    return together / np.maximum(one * other, 0.5), one, other


@pytest.mark.parametrize("lapping", [False, True])
@pytest.mark.parametrize(("height", "width", "step"), [(256, 192, 18), (131, 260, 8), (90, 90, 9), (40, 37, 6)])
def test_blocks_are_those_of_the_picture(height: int, width: int, step: int, lapping: bool) -> None:
    random = np.random.default_rng(height)
    a, b = random.uniform(0, 255, (2, height, width)).astype(np.float32)
    b += a
    valid = np.ones_like(a)
    valid[:, : width // 2] = 0
    ncc, one, other, inside = overlap._blocks(a, b, valid, step, lapping=lapping)
    expected = blocks(a, b, step, 2 * step if lapping else step)
    rows, columns = expected[0].shape
    for found, wanted in zip((ncc, one, other), expected, strict=True):
        assert found[:rows, :columns] == pytest.approx(wanted, abs=1e-4)
    assert len(ncc) - rows in (0, 1)  # one more where a block of an odd side lacks a line, which is reflected
    assert inside[0, 0] == 0
    assert inside[0, columns - 1] == 1


@pytest.mark.parametrize(("height", "width"), [(24, 512), (512, 24), (30, 30)])
def test_a_picture_narrower_than_a_block_is_one_row_of_blocks(height: int, width: int) -> None:
    a = np.random.default_rng(1).uniform(0, 255, (height, width)).astype(np.float32)
    ncc, one, other, inside = overlap._blocks(a, 0.5 * a + 9, np.ones_like(a), 37)
    assert min(ncc.shape) == 1
    assert ncc == pytest.approx(1, abs=1e-4)
    assert other == pytest.approx(one / 2, abs=1e-3)
    assert inside == pytest.approx(1)


def test_an_outline_that_the_picture_jumps_at_is_told_from_lines_beside_it() -> None:
    grey = np.full((200, 300), 40, np.uint8)
    grey[50:150, 60:240] = 200
    corners = np.float32([[60, 50], [240, 50], [240, 150], [60, 150]])
    assert overlap._edge(grey, corners) > 0.95
    assert overlap._edge(grey, corners[::-1].copy()) > 0.95
    assert overlap._edge(grey, corners + np.float32([0, 25])) == 0  # two of its sides lie in even parts
    assert overlap._edge(grey, np.float32([[0, 0], [300, 0], [300, 200], [0, 200]])) == 0  # the picture's own sides


def test_tones_are_brought_to_the_medians_of_the_other() -> None:
    random = np.random.default_rng(3)
    a = random.uniform(0, 255, (90, 90)).astype(np.float32)
    b = 255 - 0.5 * a
    b[:30] = 0  # another third of it is covered
    assert np.median(np.abs(overlap._tone_curve(a, b, np.ones_like(a, bool)) - b)[30:]) < 1
    assert overlap._tone_curve(a, b, np.zeros_like(a, bool)) is a


@pytest.mark.parametrize("count", [1, 2, 9, 10, 301])
def test_the_median_is_numpys(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count).astype(np.float32)
    assert overlap._median(values) == float(np.median(values))
