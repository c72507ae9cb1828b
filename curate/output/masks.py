"""Masks as every trainer reads them: grey, as large and as upright as their picture, white where it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.pictures import Source, decode_for_export, scaled_down

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curate.output.records import PlaceMask

BLACK = (0, 0, 0)  # transparent parts of a mask file are not trained


def mask_pixels(action: PlaceMask, source: Source) -> NDArray[np.uint8]:
    """uint8 [H, W] of the size that the picture is written with, upright.

    Raises OSError and BrokenPicture for a file that cannot be read.
    """
    import numpy as np

    if not action.source:
        width, height = action.written or action.size
        return np.full((height, width), 255, np.uint8)
    width, height = action.size
    pixels, _ = decode_for_export(source.read(action.source), background=BLACK, keep_alpha=action.alpha_of_source)
    if action.alpha_of_source:
        grey = pixels[..., 3] if pixels.shape[2] == 4 else np.full(pixels.shape[:2], 255, np.uint8)
    else:
        grey = pixels[..., 0]
    if grey.shape != (height, width) and grey.shape == (width, height):
        grey = _turned(grey, action.orientation)
    fitted = np.ascontiguousarray(_fitted(grey, width, height))
    return scaled_down(fitted, *action.written) if action.written else fitted


def _turned(grey: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """A mask that was drawn on the pixels as stored, turned as its picture is (EXIF 2.32, 4.6.4).

    Only the orientations that swap the sides show by the mask's size; a mask of the upright size is upright already.
    """
    import numpy as np

    if orientation == 5:
        return grey.T
    if orientation == 6:
        return np.rot90(grey, -1)
    if orientation == 7:
        return np.rot90(grey, 2).T
    return np.rot90(grey, 1) if orientation == 8 else grey


def _fitted(grey: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The mask at its picture's size, by the nearest pixel: a mask's edges stay edges."""
    import numpy as np

    if grey.shape == (height, width):
        return grey
    rows = ((np.arange(height) + 0.5) * grey.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * grey.shape[1] / width).astype(int)
    return grey[np.ix_(rows, columns)]
