"""The only decoder, converter and encoder: bytes -> upright 8-bit sRGB pixels -> bytes."""

from curate.pictures.pixels.decoder import Decoded, decode, decode_for_export
from curate.pictures.pixels.encoder import encode, is_plain

__all__ = ["Decoded", "decode", "decode_for_export", "encode", "is_plain"]
