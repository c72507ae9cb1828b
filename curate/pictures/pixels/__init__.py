"""The only decoder, converter and encoder: bytes -> upright 8-bit sRGB pixels -> bytes."""

from curate.pictures.pixels.decoder import Decoded, decode, decode_for_export, why_too_large
from curate.pictures.pixels.encoder import encode, is_plain
from curate.pictures.pixels.glance import Glance, glance
from curate.pictures.pixels.location import without as without_location
from curate.pictures.pixels.preview import preview
from curate.pictures.pixels.resizing import scaled_down
from curate.pictures.pixels.thumbnail import thumbnail, thumbnail_size

__all__ = [
    "Decoded",
    "Glance",
    "decode",
    "decode_for_export",
    "encode",
    "glance",
    "is_plain",
    "preview",
    "scaled_down",
    "thumbnail",
    "thumbnail_size",
    "why_too_large",
    "without_location",
]
