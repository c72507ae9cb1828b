"""How strongly a picture was compressed as JPEG, read from its pixels.

Whatever a file is called now, JPEG rounded each 8 x 8 block's frequencies to multiples of a step, and that can still be
seen in the pixels (Fan and de Queiroz 2003, "Identification of bitmap compression history", IEEE TIP 12:230). The steps
of ten low frequencies, compared with the standard's luminance table as libjpeg scales it, give the quality. Resizing
after the compression hides it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from curate.features.checks.base import View
    from curate.records import Facts

    Floats = NDArray[np.float32]

NAMES = ("compression",)
UNITS = {"compression": "JPEG quality, 100 where no trace is left"}

LEAST_QUALITY = 35.0  # libjpeg's scale. Steps of the low frequencies are 14 and more there: blocks show on plain areas
UNTRACED = 100.0  # also stands for qualities above about 85, whose steps drown in rounding
STANDARD_STEPS = {  # of quality 50: ITU-T T.81 (1992), table K.1, at (row, column) of the block's frequencies
    (0, 1): 11,
    (1, 0): 12,
    (1, 1): 12,
    (0, 2): 10,
    (2, 0): 14,
    (1, 2): 14,
    (2, 1): 13,
    (2, 2): 16,
    (0, 3): 16,
    (3, 0): 14,
}
STEPS = np.arange(4, 131)  # levels; 4 is the least that shows through rounding, 130 the greatest of quality 6
BLOCKS = 1024  # looked at, evenly spread
WINDOW = 1024  # px, side of the middle part in which the grid is sought
BINS_A_LEVEL = 4
LARGEST = 320  # levels, of a frequency
BINS = LARGEST * BINS_A_LEVEL + 1  # of its size; its sign tells nothing
HALF_STEPS = STEPS * BINS_A_LEVEL // 2  # bins; smaller sizes round to zero
LEAST_COUNT = 24  # frequencies other than zero, to judge a step by
LEAST_FIT = 0.6  # mean cosine of frequency / step: 1 for exact multiples, 0 for anything else
LEAST_STEPS = 3  # of the ten that must be found


def measure(view: View) -> dict[str, float]:
    steps = _steps(_frequencies(_aligned(view.grey)))
    found = zip(steps, STANDARD_STEPS.values(), strict=True)
    scales = [100.0 * step / standard for step, standard in found if step is not None]
    if len(scales) < LEAST_STEPS:
        return {"compression": UNTRACED}
    scale = float(np.median(scales))
    return {"compression": 5000.0 / scale if scale > 100.0 else (200.0 - scale) / 2.0}  # libjpeg, jpeg_quality_scaling


def finding(values: Mapping[str, float], facts: Facts, resolution: int) -> dict[str, str]:
    quality = values["compression"]
    if quality >= LEAST_QUALITY:
        return {}
    return {"compression": f"heavily compressed (JPEG quality about {quality:.0f}): find a better copy or leave it out"}


def _aligned(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture cut so that blocks begin at its corner, wherever a crop left the grid."""
    import cv2

    height, width = grey.shape
    top, left = max(0, height - WINDOW) // 16 * 8, max(0, width - WINDOW) // 16 * 8
    middle = grey[top : top + WINDOW, left : left + WINDOW]
    offsets = []
    for axis in (0, 1):
        if middle.shape[axis] < 17:
            return grey[:0, :0]
        half = slice(middle.shape[1 - axis] // 4, middle.shape[1 - axis] // 4 * 3 + 1)  # of the lines that tell it
        if axis == 0:
            differences = cv2.absdiff(middle[1:, half], middle[:-1, half])
        else:
            differences = cv2.absdiff(middle[half, 1:], middle[half, :-1])
        steps = cv2.reduce(differences, 1 - axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
        whole = steps[: len(steps) // 8 * 8].reshape(-1, 8).mean(axis=0)
        offsets.append((int(whole.argmax()) + 1) % 8)
    return grey[offsets[0] :, offsets[1] :]


def _frequencies(grey: NDArray[np.uint8]) -> Floats:
    """Of blocks spread over the picture the frequencies [n, 10] of STANDARD_STEPS, orthonormal."""
    rows, columns = grey.shape[0] // 8, grey.shape[1] // 8
    if rows * columns == 0:
        return np.zeros((0, len(STANDARD_STEPS)), dtype=np.float32)
    every = max(1, rows * columns // BLOCKS)
    chosen = np.arange(0, rows * columns, every)
    blocks = grey[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8)[chosen // columns, :, chosen % columns, :]
    levels = blocks.reshape(-1, 64).astype(np.float32)
    levels -= 128.0
    result: Floats = levels @ _cosines()
    return result


def _steps(frequencies: Floats) -> list[int | None]:
    """Of each frequency, a column of values: the step of which they are multiples; None where none shows."""
    values = np.minimum(np.abs(frequencies), LARGEST) * BINS_A_LEVEL
    places = np.rint(values).astype(np.intp) + BINS * np.arange(values.shape[1])
    counts = np.bincount(places.ravel(), minlength=BINS * values.shape[1]).astype(np.float32).reshape(-1, BINS)
    rounded = counts[:, : HALF_STEPS[-1]].cumsum(axis=1)[:, HALF_STEPS - 1]
    number = len(frequencies) - rounded
    fit = np.where(number >= LEAST_COUNT, (counts @ _multiples()) / np.maximum(number, 1.0), -1.0)
    best = fit.max(axis=1)
    return [_best(one) if best[i] > LEAST_FIT else None for i, one in enumerate(fit)]


def _best(fit: Floats) -> int:
    """The step, by the fit of each of STEPS, some of them good."""
    good = np.flatnonzero(fit > LEAST_FIT)
    largest = good[-1]  # divisors of the step fit as well
    peak = good[largest - good <= max(2, STEPS[largest] // 8)]
    return int(STEPS[peak[fit[peak].argmax()]])


@cache
def _cosines() -> Floats:
    """What the 64 pixels of a block add to each frequency of STANDARD_STEPS [64, 10]."""
    n = np.arange(8)
    transform = 0.5 * np.cos((2 * n[None, :] + 1) * n[:, None] * np.pi / 16)
    transform[0] /= np.sqrt(2.0)
    waves = [np.outer(transform[row], transform[column]).ravel() for row, column in STANDARD_STEPS]
    return np.stack(waves, axis=1).astype(np.float32)


@cache
def _multiples() -> Floats:
    """For each bin of a frequency's size and each step [bins, steps]: its cosine, 0 where it rounds to zero."""
    bins = np.arange(BINS)[:, None]
    cosines = np.cos(2 * np.pi * bins / BINS_A_LEVEL / STEPS) * (bins >= HALF_STEPS)
    return cosines.astype(np.float32)
