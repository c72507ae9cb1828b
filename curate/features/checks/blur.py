"""How wide the sharpest edges of a picture are.

An edge blurred by a Gaussian of width s is, after one more Gaussian of width r, less steep by the ratio
R = sqrt(s^2 + r^2) / s, whatever its contrast; so s = r / sqrt(R^2 - 1) (Zhuo and Sim 2011, "Defocus map estimation
from a single image", Pattern Recognition 44:1852). It is read at the steepest places of each tile; the sharpest tiles
count, so that a sharp subject before a plain or blurred background is sharp.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from curate.features.checks.base import View
    from curate.records import Facts

    Places = NDArray[np.intp]
    Tiled = tuple[Places, Places, Places, Places]  # row of tiles, row in it, column of tiles, column in it

NAMES = ("blur",)
UNITS = {"blur": "% of the side of a square of equal area"}

SECOND_BLUR = 1.0  # px, r above
REACH = 7  # px across, of that Gaussian's 3.5 widths
TILES = 8  # a side
EDGES = 0.03  # share of a tile's pixels that are its steepest
EVERY = 2  # so many-th row and column is looked at: an edge is as steep in those on both its sides
EIGHTHS = 8  # of a level a px, in which slopes are counted: Sobel's weights on a side add up to four, two px apart
AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))  # rows and columns away
SOBEL = np.array([(x * (2 - abs(y)), y * (2 - abs(x))) for y, x in AROUND], dtype=np.float32)  # [8, 2], across, down
SCATTER = 0x9E3779B1  # odd, near 2^32 divided by the golden ratio: its multiples lie evenly (Knuth, TAOCP 3, 6.4)
LEAST_SLOPE = 4.0  # levels of 255 a px: below it a tile has no edge to judge
SHARPEST = 0.1  # quantile of the tiles' widths: a subject on a tenth of the picture is enough
MOST_BLUR = 0.28  # %, 3 px at 1024: 228 sharp photographs and renderings had at most 0.24, and 0.33 or more after a
# Gaussian of a 200th of their width
MOST_BLUR_PX = 1.2  # of the file's own pixels: below it a small picture is as sharp as its pixels allow


def measure(view: View) -> dict[str, float]:
    """Besides the width, `blur_tiles`: how many of the 64 tiles have an edge to judge; with none the width is 0."""
    width, tiles = edge_width(view.small)
    return {"blur": 100.0 * width / float(view.small.size) ** 0.5, "blur_tiles": float(tiles)}


def finding(values: Mapping[str, float], facts: Facts, resolution: int) -> dict[str, str]:
    pixels = values["blur"] / 100.0 * float(facts.width * facts.height) ** 0.5
    if values["blur"] <= MOST_BLUR or pixels <= MOST_BLUR_PX:
        return {}
    return {"blur": f"blurred: its sharpest edges are {pixels:.1f} px wide; find a sharper one or leave it out"}


def edge_width(grey: NDArray[np.uint8]) -> tuple[float, int]:
    """Width (standard deviation, px) of the sharpest edges, and the number of tiles that have one; (0, 0) for none."""
    import cv2

    grey = cast("NDArray[np.uint8]", cv2.copyMakeBorder(grey, 1, 1, 1, 1, cv2.BORDER_REFLECT_101))
    slopes = _slopes(grey)
    pixels = slopes.shape[1] * slopes.shape[3]  # of a tile
    count = max(4, round(pixels * EDGES))
    if pixels <= count:
        return 0.0, 0
    steepest = _steepest(slopes, count)
    before = slopes[steepest]
    judged = before.mean(axis=1) >= LEAST_SLOPE * EIGHTHS
    if not judged.any():
        return 0.0, 0
    kernel = cv2.getGaussianKernel(REACH, SECOND_BLUR, cv2.CV_32F)
    blurred = cv2.sepFilter2D(grey, cv2.CV_32F, kernel, kernel)
    after = _slopes_at(blurred, *(one[judged] for one in _places(steepest, slopes.shape)))
    ratio = np.sort(before[judged] / np.maximum(after, 1e-3 * EIGHTHS), axis=1)[:, count // 2]  # the median
    widths = SECOND_BLUR / np.sqrt(np.maximum(ratio**2 - 1.0, 1e-6))
    return float(np.quantile(widths, SHARPEST)), len(widths)


def _slopes(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[TILES, rows, TILES, columns]: each tile's slopes. The frame of a pixel, and a rest at the right and lower sides,
    are left out."""
    import cv2

    rows, columns = ((side - 2) // EVERY // TILES for side in grey.shape)
    if min(rows, columns) < 1:
        return np.zeros((TILES, 0, TILES, 0), dtype=np.float32)
    inner = tuple(slice(1, 1 + EVERY * side * TILES, EVERY) for side in (rows, columns))
    across, down = (side[inner].astype(np.float32) for side in cv2.spatialGradient(grey))
    return cast("NDArray[np.float32]", cv2.magnitude(across, down).reshape(TILES, rows, TILES, columns))


def _slopes_at(picture: NDArray[np.float32], rows: Places, columns: Places) -> NDArray[np.float32]:
    """Of the pixels at those places, none of them outermost."""
    wide = picture.shape[1]
    steps = np.array([down * wide + across for down, across in AROUND])
    pixels = picture.ravel()[(rows * wide + columns)[..., np.newaxis] + steps]
    gradient = pixels @ SOBEL
    slopes: NDArray[np.float32] = np.sqrt(gradient[..., 0] ** 2 + gradient[..., 1] ** 2)
    return slopes


def _places(steepest: Tiled, shape: tuple[int, ...]) -> tuple[Places, Places]:
    """Rows and columns in the picture."""
    tile_down, down, tile_across, across = steepest
    return 1 + EVERY * (tile_down * shape[1] + down), 1 + EVERY * (tile_across * shape[3] + across)


def _steepest(slopes: NDArray[np.float32], count: int) -> Tiled:
    """The places [TILES^2, count] of each tile's `count` steepest pixels, as indices of `slopes`.

    Slope and place are put into one number, which takes a quarter of the time of numpy's argpartition. Places are
    scattered in it, so that of many equally steep pixels not those of one side are taken.
    """
    _, rows, _, columns = slopes.shape
    scattered, bits = _scattered(rows * columns)
    ranks = slopes.transpose(0, 2, 1, 3).astype(np.uint32, order="C").reshape(TILES * TILES, rows * columns)
    ranks <<= np.uint32(bits)
    ranks |= scattered
    ranks.partition(rows * columns - count, axis=1)
    back = np.uint32(pow(SCATTER, -1, 2**32))
    places = (ranks[:, -count:] * back & np.uint32(2**bits - 1)).astype(np.intp)
    down = places // columns
    tile_down, tile_across = np.divmod(np.arange(TILES * TILES)[:, np.newaxis], TILES)
    return tile_down, down, tile_across, places - down * columns


@lru_cache(maxsize=8)
def _scattered(count: int) -> tuple[NDArray[np.uint32], int]:
    """The places 0 to `count` - 1, scattered, and how many bits they have."""
    bits = (count - 1).bit_length()
    return np.arange(count, dtype=np.uint32) * np.uint32(SCATTER) & np.uint32(2**bits - 1), bits
