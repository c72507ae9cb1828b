"""Nearly one colour: nothing to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from curate.features.checks.base import View
    from curate.records import Facts

NAMES = ("flat",)
UNITS = {"flat": "levels of 255"}

LEAST_DEVIATION = 5.0  # levels, standard deviation of the channel that varies most; sensor noise alone makes 1 to 4


def measure(view: View) -> dict[str, float]:
    import cv2

    deviations = [cv2.meanStdDev(channel)[1] for channel in view.sample[:3]]
    return {"flat": max(float(one[0, 0]) for one in deviations)}


def finding(values: Mapping[str, float], facts: Facts, resolution: int) -> dict[str, str]:
    if values["flat"] >= LEAST_DEVIATION:
        return {}
    return {"flat": f"nearly one colour (it varies by {values['flat']:.1f} of 255 levels): leave it out"}
