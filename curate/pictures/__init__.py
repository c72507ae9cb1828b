"""A folder -> Catalog, and bytes -> upright RGB pixels: the only room that opens, decodes or encodes pictures."""

from curate.pictures.catalog import Digests, scan
from curate.pictures.layout import is_laid_out
from curate.pictures.pixels import (
    Decoded,
    decode,
    decode_for_export,
    encode,
    is_plain,
    preview,
    scaled_down,
    thumbnail,
    thumbnail_size,
)
from curate.pictures.signatures import CAPTION_SUFFIXES
from curate.pictures.source import JoinedSource, Source

__all__ = [
    "CAPTION_SUFFIXES",
    "Decoded",
    "Digests",
    "JoinedSource",
    "Source",
    "decode",
    "decode_for_export",
    "encode",
    "is_laid_out",
    "is_plain",
    "preview",
    "scaled_down",
    "scan",
    "thumbnail",
    "thumbnail_size",
]
