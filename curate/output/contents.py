"""The content of files that are written: read from the source, and made anew where pixels have to change."""

from __future__ import annotations

import hashlib
import os

from curate.errors import BrokenPicture, FolderError
from curate.output.masks import mask_pixels
from curate.output.records import Encoding, PlaceMask, PlacePicture
from curate.pictures import Source, decode_for_export, encode


def whole(action: PlacePicture, source: Source) -> tuple[bytes, tuple[int, int]]:
    """The bytes and the file's times."""
    try:
        with source.open(action.source) as reader:
            times = os.fstat(reader.fileno())
            data = reader.read()
    except OSError as error:
        raise unreadable(source, action.source, error) from error
    return data, (times.st_atime_ns, times.st_mtime_ns)


def anew(action: PlacePicture, encoding: Encoding, source: Source, background: tuple[int, int, int]) -> bytes:
    """The picture upright, in sRGB, on the background, of 8 bits, its first frame alone."""
    data, _ = whole(action, source)
    if hashlib.sha256(data).hexdigest() != action.digest:
        raise changed(source, action.source)
    try:
        pixels, _ = decode_for_export(data, background=background)
    except BrokenPicture as error:
        raise FolderError(
            source.folder, f"{action.source} cannot be decoded: {error.reason}", "Scan the folder again"
        ) from error
    return encode(pixels, format=encoding)


def mask(action: PlaceMask, source: Source) -> bytes:
    try:
        return encode(mask_pixels(action, source), format="png")
    except OSError as error:
        raise unreadable(source, action.source, error) from error
    except BrokenPicture as error:
        raise FolderError(
            source.folder, f"the mask {action.source} cannot be decoded: {error.reason}", "Mend or remove it"
        ) from error


def unreadable(source: Source, path: str, error: OSError) -> FolderError:
    why = source.why_unreadable(path, error)
    return FolderError(source.folder, f"{path} {why}", "Scan the folder again; nothing was written")


def changed(source: Source, path: str) -> FolderError:
    return FolderError(source.folder, f"{path} changed since the scan", "Scan the folder again; nothing was written")
