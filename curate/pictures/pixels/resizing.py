"""Pictures and masks made smaller, once, for an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def scaled_down(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The same picture, `width` x `height` px: uint8 [H, W, 3] as RGB, uint8 [H, W] as a mask.

    RGB by Lanczos (three lobes, widened by the factor), on the values as stored: trainers too scale without undoing the
    gamma of sRGB, so a picture that is scaled here and one that they scale themselves keep the same brightness. A mask
    by averages, which stay within its values: Lanczos would ring along its edges. Raises ValueError for a size that is
    larger than the picture's on either side, or below 1 px.
    """
    import numpy as np
    from PIL import Image

    if not (1 <= width <= pixels.shape[1] and 1 <= height <= pixels.shape[0]):
        raise ValueError(f"{pixels.shape[1]}x{pixels.shape[0]} px cannot be scaled down to {width}x{height}")
    method = Image.Resampling.LANCZOS if pixels.ndim == 3 else Image.Resampling.BOX
    return np.asarray(Image.fromarray(pixels).resize((width, height), method))
