"""The content of files that are written: read from the source, and made anew where pixels have to change."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from curate import __version__
from curate.errors import BrokenPicture, FolderError
from curate.output.masks import mask_pixels
from curate.output.records import Encoding, PlaceMask, PlacePicture, WriteText
from curate.pictures import Source, decode_for_export, encode, scaled_down, without_location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK = 1 << 20  # bytes read at once of a file that is longer than it said


def whole(action: PlacePicture, source: Source, path: str) -> tuple[bytes, tuple[int, int] | None]:
    """The bytes and the file's times. `path`: the file's own; "" in a store or an archive, which have no times."""
    try:
        if not path:
            return source.read(action.source), None
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            times = os.fstat(file)
            data = _read(file, times.st_size)
        finally:
            os.close(file)
    except OSError as error:
        raise unreadable(source, action.source, error) from error
    return data, (times.st_atime_ns, times.st_mtime_ns)


def _read(file: int, size: int) -> bytes:
    """All of it, in one call where the file is as long as it says: Python's file objects make four."""
    data = os.read(file, size + 1)
    if len(data) == size:
        return data
    parts = [data]
    while part := os.read(file, CHUNK):
        parts.append(part)
    return b"".join(parts)


def anew(action: PlacePicture, encoding: Encoding, source: Source, background: tuple[int, int, int]) -> bytes:
    """The picture upright, in sRGB, on the background, of 8 bits, its first frame alone; scaled down where asked."""
    import numpy as np

    data = _proved(action, source)
    try:
        pixels, _ = decode_for_export(data, background=background)
        if action.size:
            pixels = scaled_down(pixels, *action.size)
    except BrokenPicture as error:
        raise FolderError(
            source.folder, f"{action.source} cannot be decoded: {error.reason}", "Scan the folder again"
        ) from error
    if action.alpha:
        pixels = np.dstack((pixels, _mask(action.alpha, source)))
    return encode(pixels, format=encoding)


def stripped(action: PlacePicture, source: Source) -> bytes:
    """The picture with its pixels as they are, and nothing that tells where it was taken."""
    return without_location(_proved(action, source), action.stripped)


def _proved(action: PlacePicture, source: Source) -> bytes:
    """The bytes that were scanned. Raises FolderError for other ones."""
    data, _ = whole(action, source, str(source.whole_path(action.source)) if source.is_local(action.source) else "")
    if hashlib.sha256(data).hexdigest() != action.digest:
        raise changed(source, action.source)
    return data


def mask(action: PlaceMask, source: Source) -> bytes:
    return encode(_mask(action, source), format=action.encoding)


def _mask(action: PlaceMask, source: Source) -> NDArray[np.uint8]:
    try:
        return mask_pixels(action, source)
    except OSError as error:
        raise unreadable(source, action.source, error) from error
    except BrokenPicture as error:
        raise FolderError(
            source.folder, f"the mask {action.source} cannot be decoded: {error.reason}", "Mend or remove it"
        ) from error


def recipe(action: PlacePicture | PlaceMask, source: Source, background: tuple[int, int, int]) -> str:
    """Equal for two files whose pixels are made from the same source in the same way by the same curate: a digest."""
    made_from = action.digest if isinstance(action, PlacePicture) else mask_digest(action, source)
    told = {**asdict(action), "source": made_from, "to": "", "background": background, "by": __version__}
    if isinstance(action, PlacePicture) and action.alpha:
        told["alpha_of"] = mask_digest(action.alpha, source)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode("ascii")).hexdigest()


def digest(action: WriteText) -> str:
    """SHA-256 of the text as it is written."""
    return hashlib.sha256(action.text.encode("utf-8")).hexdigest()


def mask_digest(action: PlaceMask, source: Source) -> str:
    """SHA-256 of the file that a mask is made from; "" where it is all white."""
    if not action.source:
        return ""
    return digest_of_source(action.source, source)


def digest_of_source(path: str, source: Source) -> str:
    """SHA-256 of a file of the source, in pieces. Raises FolderError."""
    try:
        return source.digest(path)
    except OSError as error:
        raise unreadable(source, path, error) from error


def unreadable(source: Source, path: str, error: OSError) -> FolderError:
    why = source.why_unreadable(path, error)
    return FolderError(source.folder, f"{path} {why}", "Scan the folder again; nothing was written")


def changed(source: Source, path: str) -> FolderError:
    return FolderError(source.folder, f"{path} changed since the scan", "Scan the folder again; nothing was written")
