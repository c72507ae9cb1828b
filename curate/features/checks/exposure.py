"""Too dark, too bright, or hardly any contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from curate.features.checks.base import View
    from curate.records import Facts

NAMES = ("dark", "bright", "contrast")
UNITS = {"dark": "% of white, 99th percentile", "bright": "% of white, 5th percentile", "contrast": "% of the range"}

DARKEST_HIGHLIGHT = 32.0  # %; cleanvision's threshold for dark pictures, on the same percentile
BRIGHTEST_SHADOW = 80.0  # %; of 95 % of the picture: washed out, or a tiny subject on white
LEAST_CONTRAST = 20.0  # %, 99th less 1st percentile; scikit-image calls 5 % low, fog and flat scans lie below 20


def measure(view: View) -> dict[str, float]:
    """Besides the three, for naming edits: `brightness` (mean, levels of 255) and `saturation` (mean range of the
    channels, 0-1)."""
    import cv2

    red, green, blue, grey = view.sample
    colour = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel()
    levels = np.searchsorted(np.cumsum(counts), np.array([0.01, 0.05, 0.99]) * grey.size)
    first, shadow, highlight = (float(level) / 2.55 for level in levels)
    return {
        "dark": highlight,
        "bright": shadow,
        "contrast": highlight - first,
        "brightness": cv2.mean(view.small)[0],
        "saturation": cv2.mean(colour)[0] / 255.0,
    }


def finding(values: Mapping[str, float], facts: Facts, resolution: int) -> dict[str, str]:
    found = {}
    if values["dark"] < DARKEST_HIGHLIGHT:
        found["dark"] = f"very dark: 99 % of it is below {values['dark']:.0f} % of white; brighten it or leave it out"
    if values["bright"] > BRIGHTEST_SHADOW:
        found["bright"] = f"very bright: 95 % of it is above {values['bright']:.0f} % of white; darken or leave it out"
    if values["contrast"] < LEAST_CONTRAST:
        found["contrast"] = (
            f"low contrast: it spans {values['contrast']:.0f} % of the range from black to white; "
            "stretch the contrast or leave it out"
        )
    return found
