"""How wide the sharpest edges of a picture are.

An edge blurred by a Gaussian of width s is, after one more Gaussian of width r, less steep by the ratio
R = sqrt(s^2 + r^2) / s, whatever its contrast; so s = r / sqrt(R^2 - 1) (Zhuo and Sim 2011, "Defocus map estimation
from a single image", Pattern Recognition 44:1852). It is read at the steepest places of each tile; the sharpest tiles
count, so that a sharp subject before a plain or blurred background is sharp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from curate.features.shrink import fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from curate.features.checks.base import View
    from curate.records import Facts

NAMES = ("blur",)
UNITS = {"blur": "% of the side of a square of equal area"}

MEASURED_SIDE = 512  # px, long side: noise and JPEG blocks average out, a blur that matters (2 px here) stays
SECOND_BLUR = 1.0  # px, r above
TILES = 8  # a side
EDGES = 0.03  # share of a tile's pixels that are its steepest
FINE = 256  # parts of a level that slopes are told apart by; the steepest is 181 levels, so that 16 bits hold it
SCATTER = 0x9E3779B1  # odd, near 2^32 divided by the golden ratio: its multiples lie evenly (Knuth, TAOCP 3, 6.4)
LEAST_SLOPE = 4.0  # levels of 255 a px: below it a tile has no edge to judge
SHARPEST = 0.1  # quantile of the tiles' widths: a subject on a tenth of the picture is enough
MOST_BLUR = 0.28  # %, 3 px at 1024: 228 sharp photographs and renderings had at most 0.24, and 0.33 or more after a
# Gaussian of a 200th of their width
MOST_BLUR_PX = 1.2  # of the file's own pixels: below it a small picture is as sharp as its pixels allow


def measure(view: View) -> dict[str, float]:
    """Besides the width, `blur_tiles`: how many of the 64 tiles have an edge to judge; with none the width is 0."""
    grey = fit(view.reduced, MEASURED_SIDE)
    width, tiles = edge_width(grey)
    return {"blur": 100.0 * width / float(grey.size) ** 0.5, "blur_tiles": float(tiles)}


def finding(values: Mapping[str, float], facts: Facts, resolution: int) -> dict[str, str]:
    pixels = values["blur"] / 100.0 * float(facts.width * facts.height) ** 0.5
    if values["blur"] <= MOST_BLUR or pixels <= MOST_BLUR_PX:
        return {}
    return {"blur": f"blurred: its sharpest edges are {pixels:.1f} px wide; find a sharper one or leave it out"}


def edge_width(grey: NDArray[np.uint8]) -> tuple[float, int]:
    """Width (standard deviation, px) of the sharpest edges, and the number of tiles that have one; (0, 0) for none."""
    import cv2

    pixels = (grey.shape[0] // TILES) * (grey.shape[1] // TILES)  # of a tile
    count = max(4, round(pixels * EDGES))
    if pixels <= count:
        return 0.0, 0
    slopes = _slope(grey)
    again = _slope(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), SECOND_BLUR))
    steepest = _steepest(slopes, count)
    before, after = slopes.ravel()[steepest], again.ravel()[steepest]
    judged = before.mean(axis=1) >= LEAST_SLOPE
    if not judged.any():
        return 0.0, 0
    ratio = np.median(before[judged] / np.maximum(after[judged], 1e-3), axis=1)
    widths = SECOND_BLUR / np.sqrt(np.maximum(ratio**2 - 1.0, 1e-6))
    return float(np.quantile(widths, SHARPEST)), len(widths)


def _slope(grey: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Levels a px."""
    import cv2

    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.125)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125)
    slope: NDArray[np.float32] = cv2.magnitude(across, down)
    return slope


def _steepest(slopes: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """The places, in the whole picture, of each tile's `count` steepest pixels [TILES^2, count].

    Slope and place are put into one number, which takes a quarter of the time of numpy's argpartition. Places are
    scattered in it, so that of many equally steep pixels not those of one side are taken.
    """
    rows, columns = (side // TILES for side in slopes.shape)
    places = np.arange(rows * columns, dtype=np.uint32)
    bits = int(places[-1]).bit_length()
    all_bits, back = np.uint32(2**bits - 1), np.uint32(pow(SCATTER, -1, 2**32))
    ranks = (_tiles(slopes) * np.float32(FINE)).astype(np.uint32) << np.uint32(bits)
    ranks |= places * np.uint32(SCATTER) & all_bits
    steepest = np.partition(ranks, -count, axis=1)[:, -count:] * back & all_bits
    down, across = np.divmod(steepest.astype(np.intp), columns)
    tile_down, tile_across = np.divmod(np.arange(TILES**2)[:, np.newaxis], TILES)
    found: NDArray[np.intp] = (tile_down * rows + down) * slopes.shape[1] + tile_across * columns + across
    return found


def _tiles(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture as TILES x TILES rows of pixels; a rest at the right and lower sides is left out."""
    rows, columns = (side // TILES for side in picture.shape)
    cut = picture[: rows * TILES, : columns * TILES].reshape(TILES, rows, TILES, columns)
    return cut.transpose(0, 2, 1, 3).reshape(TILES * TILES, rows * columns)
