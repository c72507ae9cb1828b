"""TIFF files of floating-point colours, which Pillow refuses: HDR renderings, scientific cameras. Read by OpenCV.

Pillow reads float TIFF only where it is grey with 32 bits (TiffImagePlugin.OPEN_INFO).
"""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from curate.pictures.pixels import depth

if TYPE_CHECKING:
    from PIL.Image import Image

_WIDTH, _HEIGHT, _BITS, _ORIENTATION, _SAMPLE_FORMAT = 256, 257, 258, 274, 339  # TIFF 6.0 tags
_FLOAT = 3  # of SampleFormat
_log_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class FloatHeader:
    """What such a file says about itself."""

    size: tuple[int, int]  # width, height in px, as stored
    bits: int
    orientation: int  # EXIF


def header(data: bytes) -> FloatHeader | None:
    """The header of a float TIFF of 32 or 64 bits; None for anything else."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    if data[2:4] not in (b"*\0", b"\0*"):  # BigTIFF
        return None
    try:
        tags = ImageFileDirectory_v2(data[:8])
        file = io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        bits, kind = max(tags.get(_BITS, (1,))), set(tags.get(_SAMPLE_FORMAT, (1,)))
        size = int(tags[_WIDTH]), int(tags[_HEIGHT])
    except Exception:  # hostile bytes: whatever the parser meets, Pillow's own reason for refusing stands
        return None
    if kind != {_FLOAT} or bits not in (32, 64):
        return None
    turn = tags.get(_ORIENTATION, 1)
    return FloatHeader(size, bits, turn if turn in range(1, 9) else 1)


def _marked_upright(data: bytes) -> bytes:
    """The file with its orientation tag set to 1: OpenCV would turn the picture, in some versions only."""
    order: Literal["little", "big"] = "little" if data[:1] == b"I" else "big"
    start = int.from_bytes(data[4:8], order)
    entries = range(
        start + 2, start + 2 + 12 * int.from_bytes(data[start : start + 2], order), 12
    )  # TIFF 6.0, section 2
    for at in entries:
        if int.from_bytes(data[at : at + 2], order) == _ORIENTATION:
            return data[: at + 8] + (1).to_bytes(2, order) + data[at + 10 :]
    return data


def read(data: bytes) -> Image | None:
    """The pixels in 8 bits, as stored, all channels scaled alike; None where OpenCV cannot decode them either."""
    import cv2
    import numpy as np
    from PIL import Image as Images

    values: Any
    log: Any = cv2.utils.logging
    with _log_lock:  # OpenCV would write its own words about broken files to the console
        level = log.getLogLevel()
        log.setLogLevel(log.LOG_LEVEL_SILENT)
        try:
            values = cv2.imdecode(np.frombuffer(_marked_upright(data), np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            values = None
        finally:
            log.setLogLevel(level)
    if values is None or values.dtype.kind != "f":
        return None
    levels = depth.eight_bit(values[..., :3], 32) if values.ndim == 3 else depth.eight_bit(values, 32)
    if values.ndim == 2:
        return Images.fromarray(levels)
    colour = levels[..., ::-1]  # OpenCV's order is BGR(A)
    if values.shape[2] == 4:
        colour = np.dstack((colour, depth.eight_bit(np.clip(values[..., 3], 0, 1), 32)))
    return Images.fromarray(np.ascontiguousarray(colour))
