"""Flat bars along the sides: letterboxing, frames, the surroundings of a screenshot.

A side is a bar when its lines have one colour from end to end and stop at a straight edge. A plain background has no
such edge and is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from curate.features.checks.base import View
    from curate.records import Facts

NAMES = ("border",)
UNITS = {"border": "% of the area"}

MOST_BORDER = 2.0  # %: thinner ones go when a bucket cuts the picture to its shape
TOLERANCE = 14  # levels of 255 round the bar's colour: JPEG's ringing near the edge
FLAT_SHARE = 0.98  # of a line's pixels that keep within it
EDGE_SHARE = 0.5  # of a line's pixels that must leave it where the picture begins
SOFT_EDGE = 4  # lines within which it must, after resizing or compression
DEEPEST = 0.45  # of a side: bars on both sides leave a tenth
CHUNK = 64  # lines read at once


def measure(view: View) -> dict[str, float]:
    """Besides the share, the content's box in px: `border_left`, `_top`, `_right`, `_bottom` (exclusive)."""
    grey = view.grey
    height, width = grey.shape
    top, bottom = _bar(grey), height - _bar(grey[::-1])
    left, right = _bar(grey.T), width - _bar(grey.T[::-1])
    content = (bottom - top) * (right - left)
    return {
        "border": 100.0 * (1.0 - content / (width * height)),
        "border_left": float(left),
        "border_top": float(top),
        "border_right": float(right),
        "border_bottom": float(bottom),
    }


def finding(values: Mapping[str, float], facts: Facts, resolution: int) -> dict[str, str]:
    if values["border"] < MOST_BORDER:
        return {}
    width = values["border_right"] - values["border_left"]
    height = values["border_bottom"] - values["border_top"]
    return {
        "border": f"flat borders on {values['border']:.0f} % of it, which a model learns too: crop to {width:.0f} x "
        f"{height:.0f} at {values['border_left']:.0f}, {values['border_top']:.0f}"
    }


def _bar(lines: NDArray[np.uint8]) -> int:
    """Number of lines, from the first on, that are a bar; 0 if there is none."""
    counts = np.bincount(lines[0])
    colour = int(np.searchsorted(counts.cumsum(), lines.shape[1] // 2, side="right"))  # the median
    near = int(counts[max(0, colour - TOLERANCE) : colour + TOLERANCE + 1].sum())
    if near < FLAT_SHARE * lines.shape[1]:  # most pictures
        return 0
    deepest = int(len(lines) * DEEPEST)
    depth = 0
    while depth < deepest:
        away = _away(lines[depth : depth + CHUNK], colour)
        ends = np.flatnonzero(away > 1.0 - FLAT_SHARE)
        depth += int(ends[0]) if len(ends) else len(away)
        if len(ends):
            break
    if not 0 < depth < deepest:
        return 0
    edge = _away(lines[depth : depth + SOFT_EDGE], colour)
    return depth if edge.max() >= EDGE_SHARE else 0


def _away(lines: NDArray[np.uint8], colour: int) -> NDArray[np.float64]:
    """Share of each line's pixels that differ from the bar's colour."""
    differs = np.abs(lines.astype(np.int16) - colour) > TOLERANCE
    share: NDArray[np.float64] = np.count_nonzero(differs, axis=1) / lines.shape[1]
    return share
