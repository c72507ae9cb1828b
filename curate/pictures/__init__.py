"""A folder -> Catalog, and bytes -> upright RGB pixels: the only room that opens, decodes or encodes pictures."""

from curate.pictures.catalog import Digests, scan
from curate.pictures.layout import is_laid_out
from curate.pictures.pixels import Decoded, decode, decode_for_export, encode, is_plain
from curate.pictures.source import Source

__all__ = ["Decoded", "Digests", "Source", "decode", "decode_for_export", "encode", "is_laid_out", "is_plain", "scan"]
