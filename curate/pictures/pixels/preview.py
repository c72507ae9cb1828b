"""A picture as small as a screen needs it: what a page shows instead of the file itself."""

from __future__ import annotations

import io

from curate.pictures.pixels.decoder import WHITE, Background, decode

QUALITY = 85  # of 100, JPEG: no block is seen at this size; a 320 px thumbnail is 10 to 25 kB


def preview(data: bytes, *, side: int, background: Background = WHITE) -> bytes:
    """A JPEG file, upright and sRGB, without EXIF, whose long side is at most `side` px. Raises BrokenPicture."""
    from PIL import Image

    image = Image.fromarray(decode(data, background=background).rgb)
    # thumbnail() keeps the proportions and never enlarges; a reducing gap of 2 halves the time and is not seen
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
