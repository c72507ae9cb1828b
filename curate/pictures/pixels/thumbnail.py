"""A picture within a number of bytes: for pages that hold many of them in one file."""

from __future__ import annotations

import io

from curate.pictures.pixels.decoder import WHITE, Background, decode

QUALITY = 72  # of 100, WebP: nothing is seen of it at the size of a thumbnail
METHOD = 2  # of WebP's efforts 0 to 6: 4 % larger than the usual 4 in half its time, on 24 photographs of 512 px
USUAL = (
    0.12  # bytes a pixel of a photograph at that quality, on the same; where a picture needs more, it is made smaller
)
SPARE = 0.93  # of the side that the bytes suggest, so that the next try fits
LEAST_SIDE = 24  # px: below it nothing can be told


def thumbnail(
    data: bytes, *, side: int, most_bytes: int, background: Background = WHITE
) -> tuple[bytes, tuple[int, int]]:
    """A WebP file, upright and sRGB, without EXIF, and its (width, height) in px.

    Its long side is at most `side` px, and smaller where `most_bytes` demand it; a picture of LEAST_SIDE px is given
    whatever it weighs (below 2 kB). Raises BrokenPicture.
    """
    from PIL import Image

    image = Image.fromarray(decode(data, background=background).rgb)
    short = min(image.size) / max(image.size)
    side = max(LEAST_SIDE, min(side, int((most_bytes / USUAL / short) ** 0.5)))
    while True:
        # thumbnail() keeps the proportions and never enlarges; a reducing gap of 2 halves the time and is not seen
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        file = io.BytesIO()
        image.save(file, "WEBP", quality=QUALITY, method=METHOD)
        longest = max(image.size)
        if file.tell() <= most_bytes or longest <= LEAST_SIDE:
            return file.getvalue(), (image.width, image.height)
        side = max(LEAST_SIDE, int(longest * SPARE * (most_bytes / file.tell()) ** 0.5))


def thumbnail_size(webp: bytes) -> tuple[int, int] | None:
    """(width, height) in px of a file that `thumbnail` made; None for anything else, as one that is not whole.

    A simple lossy file: RIFF header, one VP8 chunk, a key frame's start code, 14 bits for each side (RFC 6386, 9.1;
    RFC 9649, 2.5).
    """
    whole = len(webp) > 30 and int.from_bytes(webp[4:8], "little") + 8 == len(webp)
    if not whole or webp[:4] != b"RIFF" or webp[8:16] != b"WEBPVP8 " or webp[23:26] != b"\x9d\x01\x2a":
        return None
    return int.from_bytes(webp[26:28], "little") & 0x3FFF, int.from_bytes(webp[28:30], "little") & 0x3FFF
