"""Whether a picture was enlarged, and how much of its size is real.

Interpolated pixels are weighted means of their neighbours, with weights that repeat along rows and columns; so the mean
second difference repeats too (Gallagher 2005, "Detection of linear and cubic interpolation in JPEG compressed images",
CRV). A peak at one and the same frequency along both axes is what enlarging leaves and nature does not. How far it was
enlarged is read from the width of its sharpest edges, which an original has within about a pixel.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, cast

import numpy as np

from curate.features.checks.blur import edge_width

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from curate.features.checks.base import View
    from curate.records import Facts

    Floats = NDArray[np.float64]

NAMES = ("upscaled",)
UNITS = {"upscaled": "share of each side that is real, 0-1"}

WINDOW = 1024  # px, side of the middle part that is looked at, at full size
LEAST_SIDE = 256  # px: in smaller pictures chance makes peaks as high
STRONGEST = 20.0  # levels; larger second differences are cut, so that a few hard edges do not decide
FREQUENCIES = 513  # of 0 to 0.5 cycles a px, on which both axes are compared
SMOOTHED = 9  # px along the picture, and SURROUNDINGS lines of the spectrum: what a peak must stand out of
SURROUNDINGS = 61
LOWEST, HIGHEST = 0.1, 0.497  # cycles a px
GRID_WIDTH = 0.004  # cycles a px left out round multiples of 1/8: JPEG's own blocks
FEW_LINES, MANY_LINES = 8, 2  # every so many-th: few show whether many are worth their time
SUSPECT = 2.5  # times its surroundings, over few lines. Of 819 photographs, renderings and edits of them 6 in 100 have
# it; those and 684 enlargements that have a TRACE over many lines, 474 in all, have at least 2.7 over few
TRACE = (
    5.0  # times its surroundings: 2 of 228 photographs and renderings have more; of pictures enlarged 1.5 to 3 times
)
# about nine in ten saved as JPEG 85 or better, at JPEG 75 half to nearly all
SHARP_EDGE = 0.5  # px: the low end of originals' sharpest edges, 0.4 to 0.9, so as not to favour enlargements
MOST_SCALE, LEAST_SCALE = 0.66, 0.1  # factors from 1.5 on are found; 10 is more than anybody enlarges
MOST_REAL = 0.75


def measure(view: View) -> dict[str, float]:
    """Besides the share, `upscaled_trace`: the peak over its surroundings."""
    height, width = view.grey.shape
    top, left = max(0, height - WINDOW) // 2, max(0, width - WINDOW) // 2
    middle = view.grey[top : top + WINDOW, left : left + WINDOW]
    if min(middle.shape) < LEAST_SIDE:
        return {"upscaled": 1.0, "upscaled_trace": 0.0}
    trace = _trace(middle, FEW_LINES)
    if trace >= SUSPECT:
        trace = _trace(middle, MANY_LINES)
    if trace < TRACE:
        return {"upscaled": 1.0, "upscaled_trace": trace}
    real = SHARP_EDGE / max(edge_width(middle)[0], 1e-3)
    return {"upscaled": min(max(real, LEAST_SCALE), MOST_SCALE), "upscaled_trace": trace}


def finding(values: Mapping[str, float], facts: Facts, resolution: int) -> dict[str, str]:
    real = values["upscaled"]
    if real > MOST_REAL:
        return {}
    return {
        "upscaled": f"enlarged: it holds the detail of about {facts.width * real:.0f} x {facts.height * real:.0f}; "
        "use the original"
    }


def _trace(grey: NDArray[np.uint8], every: int) -> float:
    """Highest peak, over its surroundings, that both axes have at the same frequency; over every so many-th line."""
    across, down = (_widened(_spectrum(_second_differences(grey, axis, every))) for axis in (1, 0))
    return float(np.minimum(across, down)[_allowed()].max())


@cache
def _allowed() -> NDArray[np.bool_]:
    """Which of the common frequencies are compared."""
    frequencies = np.linspace(0.0, 0.5, FREQUENCIES)
    inside = (frequencies > LOWEST) & (frequencies < HIGHEST)
    allowed: NDArray[np.bool_] = inside & (np.abs(frequencies * 8 - np.rint(frequencies * 8)) > GRID_WIDTH * 8)
    return allowed


def _second_differences(grey: NDArray[np.uint8], axis: int, every: int) -> Floats:
    """Their mean size at each place along `axis`, over every so many-th line."""
    import cv2

    lines = _lines(grey, axis, every).astype(np.int16)
    first = cv2.subtract(lines[1:], lines[:-1])
    sizes = cv2.min(cv2.absdiff(first[1:], first[:-1]), STRONGEST)
    means: Floats = cv2.reduce(sizes, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel()[1:-1] / float(lines.shape[1])
    return means


def _lines(grey: NDArray[np.uint8], axis: int, every: int) -> NDArray[np.uint8]:
    """Every so many-th line that runs along `axis`, as the columns of a picture. `every`: 2, 4 or 8."""
    import cv2

    if axis == 1:
        return cast("NDArray[np.uint8]", cv2.transpose(grey[::every]))
    whole = grey[:, : grey.shape[1] // every * every]
    return whole.view(f"u{every}").astype(np.uint8)  # one byte of so many: five times as fast as stepping


def _spectrum(means: Floats) -> Floats:
    """Of the profile without its slow part: each frequency over its surroundings, on the common frequencies."""
    import cv2

    profile = np.log(means + 0.1)
    profile -= cv2.blur(profile.reshape(1, -1), (SMOOTHED, 1))[0]
    size = np.abs(np.fft.rfft(profile * _taper(len(profile))))
    relative = size / np.maximum(cv2.blur(size.reshape(1, -1), (SURROUNDINGS, 1))[0], 1e-9)
    common = np.zeros(FREQUENCIES)
    np.maximum.at(common, _places(len(size)), relative)
    return common


def _widened(spectrum: Floats) -> Floats:
    """One step either way: the axes' lengths differ, and so do their frequencies."""
    widened = spectrum.copy()
    np.maximum(widened[1:], spectrum[:-1], out=widened[1:])
    np.maximum(widened[:-1], spectrum[1:], out=widened[:-1])
    return widened


@lru_cache(maxsize=8)
def _places(count: int) -> NDArray[np.intp]:
    """Where, among the common frequencies, those of a spectrum of so many are."""
    return np.rint(np.linspace(0.0, FREQUENCIES - 1, count)).astype(np.intp)


@lru_cache(maxsize=8)
def _taper(length: int) -> Floats:
    return np.hanning(length)
