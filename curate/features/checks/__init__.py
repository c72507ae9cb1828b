"""Quality checks: one file each, one line here.

A check is a module that obeys base.Check. To add one, write the file and name it in CHECKS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from curate.features.checks import blur, border, captions, compression, exposure, flat, size, upscaled
from curate.features.checks.base import Check, View, view
from curate.records import Check as Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from curate.records import Facts

CHECKS: tuple[Check, ...] = cast("tuple[Check, ...]", (size, blur, exposure, compression, upscaled, border, flat))

VERSION = 2  # of the raw numbers; raised when one of them changes its meaning, so that kept ones are measured again


def measure(rgb: NDArray[np.uint8]) -> dict[str, float]:
    """The raw numbers of all checks of a decoded picture, uint8 RGB [H, W, 3]: finite floats by name."""
    seen = view(rgb)
    return {name: value for check in CHECKS for name, value in check.measure(seen).items()}


def judge(values: Mapping[str, float], facts: Facts, resolution: int) -> dict[str, Result]:
    """Each check's value, unit and finding for a picture to be trained at `resolution` px; none of what was not
    measured."""
    results = {}
    for check in CHECKS:
        if not all(name in values for name in check.NAMES):
            continue
        found = check.finding(values, facts, resolution)
        for name in check.NAMES:
            results[name] = Result(value=values[name], unit=check.UNITS[name], finding=found.get(name))
    return results


__all__ = ["CHECKS", "VERSION", "Check", "View", "captions", "judge", "measure", "size", "view"]
