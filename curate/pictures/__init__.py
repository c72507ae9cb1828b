"""A folder -> Catalog, and bytes -> upright RGB pixels: the only room that opens, decodes or encodes pictures."""

from curate.pictures.catalog import Digests, scan
from curate.pictures.layout import is_laid_out
from curate.pictures.pixels import (
    Decoded,
    Glance,
    decode,
    decode_for_export,
    encode,
    glance,
    is_plain,
    preview,
    scaled_down,
    thumbnail,
    thumbnail_size,
    why_too_large,
    without_location,
)
from curate.pictures.signatures import CAPTION_SUFFIXES
from curate.pictures.source import JoinedSource, Source
from curate.pictures.sources import is_one_file
from curate.pictures.sources.remote import RemoteFiles
from curate.pictures.sources.remote import door as store_door

__all__ = [
    "CAPTION_SUFFIXES",
    "Decoded",
    "Digests",
    "Glance",
    "JoinedSource",
    "RemoteFiles",
    "Source",
    "decode",
    "decode_for_export",
    "encode",
    "glance",
    "is_laid_out",
    "is_one_file",
    "is_plain",
    "preview",
    "scaled_down",
    "scan",
    "store_door",
    "thumbnail",
    "thumbnail_size",
    "why_too_large",
    "without_location",
]
