"""Too few pixels for the training resolution, or a shape that no bucket fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from curate.features.checks.base import View
    from curate.records import Facts

NAMES = ("size", "aspect")
UNITS = {"size": "px", "aspect": "long side / short side"}

LEAST_SHARE = 0.5  # of the training resolution, as the side of a square of equal area. A trainer enlarges what is
# smaller; twice each side is where the picture has a quarter of the pixels that the model learns to draw. Between half
# and the whole there is no finding: the plan names what the trainer will enlarge.
MOST_ASPECT = 3.0  # the buckets that SDXL was trained on end at 4 (Podell et al. 2023, appendix I), others at 2


def measure(view: View) -> dict[str, float]:
    height, width = view.grey.shape
    return of(width, height)


def of(width: int, height: int) -> dict[str, float]:
    """The same of a picture of that size in px, without its pixels."""
    return {"size": float(width * height) ** 0.5, "aspect": max(width, height) / min(width, height)}


def finding(values: Mapping[str, float], facts: Facts, resolution: int) -> dict[str, str]:
    found = {}
    if values["size"] < LEAST_SHARE * resolution:
        found["size"] = (
            f"{facts.width} x {facts.height} is small for training at {resolution}: it would be enlarged "
            f"{resolution / values['size']:.1f} times; find the original or train at a lower resolution"
        )
    if values["aspect"] > MOST_ASPECT:
        found["aspect"] = (
            f"{facts.width} x {facts.height} is more than {MOST_ASPECT:.0f} times as long as wide: buckets will cut "
            "much of it off; crop it yourself"
        )
    return found
