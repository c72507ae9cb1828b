"""What a quality check is given, and what it must offer.

A check measures raw numbers once, when the picture is decoded; they are kept with its other features. What counts as a
finding is decided later, from those numbers, the file's facts and the training resolution, so a threshold can change
without measuring again. A check warns; it drops nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from curate.features.shrink import fit, grey

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from curate.records import Facts

SAMPLED_SIDE = 256  # px: enough of a picture for a mean, and to see whether it is flat
SMALL_SIDE = 512  # px, long side: noise and JPEG blocks average out, a blur that matters (2 px here) stays


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One decoded picture as the checks see it."""

    rgb: NDArray[np.uint8]  # [H, W, 3], upright, full size
    grey: NDArray[np.uint8]  # [H, W], full size
    small: NDArray[np.uint8]  # [h, w], grey, long side at most SMALL_SIDE
    sample: tuple[NDArray[np.uint8], ...]  # red, green, blue, grey [h, w] of every so many pixels: long side
    # SAMPLED_SIDE to twice as much. As planes: copying pixels of three bytes takes four times as long


class Check(Protocol):
    """A module of this folder."""

    NAMES: tuple[str, ...]  # the checks of this module that are shown, each a key of what measure gives
    UNITS: Mapping[str, str]  # of each name

    def measure(self, view: View) -> dict[str, float]:
        """Raw numbers, finite; keys beside NAMES serve the findings or other rooms."""

    def finding(self, values: Mapping[str, float], facts: Facts, resolution: int) -> dict[str, str]:
        """Of each name that has one: a sentence that says what is wrong and what to do. `resolution` in px."""


def view(rgb: NDArray[np.uint8]) -> View:
    """A decoded picture, uint8 RGB [H, W, 3], made ready for the checks."""
    full = grey(rgb)
    step = max(1, max(full.shape) // SAMPLED_SIDE)
    planes = (*(rgb[:, :, channel] for channel in range(3)), full)
    sample = tuple(plane[::step, ::step].copy() for plane in planes)
    return View(rgb=rgb, grey=full, small=fit(full, SMALL_SIDE), sample=sample)
