"""Smaller pictures, averaged over areas, so that nothing aliases.

OpenCV halves in vector code, in a tenth of the time that it takes for averages over areas of another size: 1024 px come
to 224 px in 0.7 ms instead of 3.0 ms (one core of a Xeon).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

LITTLE = 1.25  # times smaller by interpolation: up to there it aliases hardly more than averages over areas. Stripes of
# 1 px in black and white, the worst there is, leave up to 26 of 127 levels, in averages 25
SOFTENING = 0.15  # weight of a neighbour where interpolation halves, less where it takes less away. Such stripes leave
# 38 levels at most, unsoftened 73; with 0.1 to 0.15 photographs of 600 to 890 px come nearest to averages


def keep_to_one_core() -> None:
    """OpenCV starts no threads from now on: for processes that share the cores already."""
    import cv2

    cv2.setNumThreads(1)


@dataclass(frozen=True, slots=True)
class Squash:
    """`squash` to one size; it can be sent to other processes."""

    side: int  # px

    def __call__(self, rgb: Pixels) -> Pixels:
        return squash(rgb, self.side)


def squash(rgb: Pixels, side: int) -> Pixels:
    """The whole picture [H, W, 3] as a square [side, side, 3]: its aspect is lost.

    It is halved, interpolated to twice the side, and halved once more, which averages what interpolation would alias.
    Of 1024 px that takes a quarter of the time of exact averages over areas to 224 px, and differs from them by 0.4 of
    255 levels, mean of 57 photographs and renderings; the built-in embedder's vectors differ by a cosine of 0.999.
    """
    import cv2

    twice = 2 * side
    large = halved(rgb, twice)
    if max(large.shape[:2]) > LITTLE * twice:
        across, down = (_softening(length / twice) for length in large.shape[1::-1])
        large = cast("Pixels", cv2.sepFilter2D(large, -1, across, down))
    return halved(cast("Pixels", cv2.resize(large, (twice, twice), interpolation=cv2.INTER_LINEAR)), side)


def _softening(ratio: float) -> NDArray[np.float32]:
    """The weights of three px in a row, before interpolation to so many-th of their number."""
    import numpy as np

    neighbour = SOFTENING * max(0.0, ratio - 1.0)
    return np.array([neighbour, 1.0 - 2.0 * neighbour, neighbour], dtype=np.float32)


def halved(picture: Pixels, least: int) -> Pixels:
    """The picture [H, W] or [H, W, 3] with each side halved as often as at least `least` px are left of it.

    Pixels are averaged in pairs, as interpolation in their middle does, in vector code. Of an odd number of rows or
    columns the last is left out: all in all less than one `least`-th of the picture.
    """
    import cv2

    while max(picture.shape[:2]) >= 2 * least:
        down, across = (2 if length >= 2 * least else 1 for length in picture.shape[:2])
        tall, wide = picture.shape[0] // down, picture.shape[1] // across
        whole = picture[: tall * down, : wide * across]
        picture = cast("Pixels", cv2.resize(whole, (wide, tall), interpolation=cv2.INTER_LINEAR))
    return picture


def fit(picture: Pixels, long_side: int) -> Pixels:
    """The picture [H, W] or [H, W, 3] with at most `long_side` px on its long side; itself if it is smaller."""
    height, width = picture.shape[:2]
    factor = long_side / max(height, width)
    if factor >= 1.0:
        return picture
    return _reduced(picture, max(1, round(height * factor)), max(1, round(width * factor)))


def grey(rgb: Pixels) -> Pixels:
    """Luma [H, W] of RGB [H, W, 3], by the weights of ITU-R BT.601."""
    import cv2

    return cast("Pixels", cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def _reduced(picture: Pixels, height: int, width: int) -> Pixels:
    import cv2

    tall, wide = picture.shape[:2]
    factor = _whole_factor(tall, wide, min(tall // height, wide // width) // 2)
    for step in ((wide // factor, tall // factor), (width, height)):
        if step != picture.shape[1::-1]:
            picture = cast("Pixels", cv2.resize(picture, step, interpolation=cv2.INTER_AREA))
    return picture


def _whole_factor(tall: int, wide: int, most: int) -> int:
    """The largest factor up to `most` that divides both sides; it leaves half of the reduction to the second step."""
    return next((factor for factor in range(most, 1, -1) if tall % factor == wide % factor == 0), 1)
