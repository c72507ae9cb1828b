"""Bytes -> a loaded Pillow picture, and what its file says about itself. Pillow is entered here and nowhere earlier."""

from __future__ import annotations

import functools
import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from curate.errors import BrokenPicture
from curate.pictures import signatures
from curate.pictures.pixels import colour, floats, plain
from curate.pictures.pixels.decoder import why_too_large
from curate.settings import LARGEST_PICTURE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Pixels = NDArray[np.uint8]

ORIENTATION = 0x0112  # EXIF 2.32, 4.6.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A picture as stored, pixels loaded, and what it was like before."""

    image: Image  # without pixels where `plain` holds them
    plain: Pixels | None = None  # RGB [H, W, 3], sRGB, as stored
    format: str
    mode: str
    bits: int  # per channel, as stored
    frames: int
    orientation: int  # EXIF, as stored
    turn: int  # EXIF orientation that the pixels still have: 1 where the decoder has turned them already
    stored_size: tuple[int, int]  # (width, height) px in the file, before it is turned


def is_jpeg(data: bytes) -> bool:
    """Whether the bytes begin as a JPEG."""
    return signatures.picture_format(data[: signatures.HEAD]) == "JPEG"


def open_picture(
    data: bytes, most_pixels: int = LARGEST_PICTURE, *, least_side: int | None = None, quick: bool = False
) -> Opened:
    """Decodes the first frame. Raises BrokenPicture with the reason where that cannot be done, and for a picture of
    more than `most_pixels`, which never exceeds LARGEST_PICTURE. `least_side`: px that are enough of a JPEG each way,
    which is then decoded at 1/2, 1/4 or 1/8 of its size if that leaves as much. `quick`: see `plain`."""
    name = signatures.picture_format(data[: signatures.HEAD])
    if name is None:
        raise BrokenPicture("empty file" if not data else "not a picture")
    image = None
    with _quiet():
        try:
            image = _decoder(name)(io.BytesIO(data))
            mode, size = image.mode, (image.width, image.height)
            _refuse_bomb(*size, most_pixels)
            if least_side is not None and name == "JPEG":
                image.draft(None, (least_side, least_side))
            frames = 1 if name == "JPEG" else int(getattr(image, "n_frames", 1))  # a JPEG's others are previews
            before = _orientation(image) if name == "TIFF" else 1  # TIFF is turned, and the tag lost, while loading
            whole = plain.pixels(data) if quick and name == "JPEG" and colour.is_srgb(image) else None
            if whole is None:
                image.load()
            after = _orientation(image)
        except BrokenPicture:
            raise
        except MemoryError:
            raise BrokenPicture("cannot be decoded: not enough memory") from None
        except Exception as error:  # hostile bytes make Pillow's plugins raise nearly anything
            if image is None and name == "TIFF" and (opened := _float_tiff(data, most_pixels)):
                return opened
            raise BrokenPicture(_why(name, data, image, error)) from error
    stored = int(image.info.get("original_orientation") or 1) if name == "HEIF" else 1
    return Opened(
        image=image,
        plain=whole,
        format=name,
        mode=mode,
        bits=_bits(name, data, image),
        frames=frames,
        orientation=next((value for value in (after, before, stored) if value != 1), 1),
        turn=after,
        stored_size=size,
    )


def _float_tiff(data: bytes, most_pixels: int) -> Opened | None:
    """A TIFF of floating-point colours, which Pillow does not take; None for any other file."""
    header = floats.header(data)
    if header is None:
        return None
    _refuse_bomb(*header.size, most_pixels)
    image = floats.read(data)
    if image is None:
        return None
    turn = header.orientation
    return Opened(
        image=image,
        format="TIFF",
        mode=image.mode,
        bits=header.bits,
        frames=1,
        orientation=turn,
        turn=turn,
        stored_size=header.size,
    )


@functools.cache
def _decoder(name: str) -> Callable[[io.BytesIO], Any]:
    """Pillow's class for one format. Its own plugins are used directly: no guessing, no global registry or limit."""
    if name == "HEIF":
        from pillow_heif.as_plugin import HeifImageFile

        return HeifImageFile
    if name == "JXL":
        import pillow_jxl  # type: ignore[import-not-found]  # noqa: F401  (registers itself)
        from PIL import Image

        return lambda file: Image.OPEN["JXL"][0](file, "")
    from PIL import (
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    decoders: dict[str, Callable[[io.BytesIO], Any]] = {
        "AVIF": AvifImagePlugin.AvifImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "GIF": GifImagePlugin.GifImageFile,
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "TIFF": TiffImagePlugin.TiffImageFile,
        "WEBP": WebPImagePlugin.WebPImageFile,
    }
    return decoders[name]


_quiet_lock = threading.Lock()
_quiet_users = 0


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the warnings of Pillow and its plugins while any thread is inside.

    `warnings.catch_warnings` swaps the one list of filters and is not safe in threads; this adds one filter of its
    own, and takes exactly that one away.
    """
    global _quiet_users
    with _quiet_lock:
        _quiet_users += 1
        warnings.filterwarnings("ignore", module=_OURS.pattern)
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_users -= 1
            if not _quiet_users:
                with suppress(ValueError):
                    warnings.filters.remove(("ignore", None, Warning, _OURS, 0))  # type: ignore[attr-defined]


_OURS = re.compile(r"(PIL|pillow_heif|pillow_jxl)\b")


def _refuse_bomb(width: int, height: int, most_pixels: int) -> None:
    if width < 1 or height < 1:
        raise BrokenPicture(f"no pixels: {width} x {height}")
    if reason := why_too_large(width, height, most_pixels):
        raise BrokenPicture(reason)


def _orientation(image: Image) -> int:
    """EXIF orientation 1-8; 1 where there is none or nonsense.

    Only for loaded pictures, TIFF apart: Pillow's `getexif` loads a PNG, whose metadata may follow its pixels, and a
    failure in there would be lost.
    """
    if "exif" not in image.info and "xmp" not in image.info and image.format == "JPEG":
        return 1  # spares JPEG files, the most frequent ones, the look-up
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # corrupt metadata of any kind is no reason to refuse sound pixels
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _bits(name: str, data: bytes, image: Any) -> int:
    """Bits per channel as stored."""
    if image.mode == "1":
        return 1
    if name == "PNG" and image.mode != "P":
        return data[24]  # bit depth in IHDR (PNG 3rd edition, 11.2.1)
    if name == "HEIF":
        return int(image.info.get("bit_depth", 8))
    if name == "AVIF":
        flags = data[data.find(b"av1C") + 6]  # AV1 in ISOBMFF, 2.3.3: high_bitdepth and twelve_bit
        return (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    if name == "TIFF" and image.mode != "P":
        return int(max(image.tag_v2.get(258, (8,))))  # BitsPerSample
    return 8


_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND", "GIF": b"\0;"}  # the last marker of a file that is all there
_END = 64  # bytes in which it is looked for: some programs pad files


def _why(name: str, data: bytes, image: Any, error: Exception) -> str:
    """The reason for a failure, in words."""
    kept = _kept_share(name, data, image)
    text = str(error)
    if kept is not None:
        whole = name in _ENDS and _ENDS[name] in data[-_END:]
        what = "damaged: decoding stops" if whole else "truncated: the file ends"
        return f"{what} after {kept * 100:.0f} % of the picture"
    if isinstance(error, EOFError) or "truncated" in text.lower() or _lacks_directory(name, data):
        return "truncated: the file ends before the picture does"
    text = re.sub(r"<_io\.BytesIO object at 0x[0-9a-f]+>", "the file", text) or type(error).__name__
    return f"cannot be decoded: {' '.join(text.split())}"


def _kept_share(name: str, data: bytes, image: Any) -> float | None:
    """How much of a truncated picture is there, 0-1; None where that cannot be told or nothing is missing."""
    if name == "WEBP":
        declared = int.from_bytes(data[4:8], "little") + 8
    elif name in ("AVIF", "HEIF"):
        declared = _boxes_end(data)
    else:
        return _decoded_rows(image)
    return len(data) / declared if declared > len(data) else None


def _lacks_directory(name: str, data: bytes) -> bool:
    """Whether a TIFF ends before its own list of tags, which often comes last (TIFF 6.0, section 2)."""
    order: Literal["little", "big"] = "little" if data[:1] == b"I" else "big"
    return name == "TIFF" and data[2:4] in (b"*\0", b"\0*") and int.from_bytes(data[4:8], order) >= len(data)


def _boxes_end(data: bytes) -> int:
    """Where the last top-level box of an ISO base media file should end (ISO/IEC 14496-12, 4.2)."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:
            break
        at += size
    return at


def _decoded_rows(image: Any) -> float | None:
    """The share of rows that a decoder had filled when its data ran out: what it had not reached is still zero."""
    try:
        box = image.im.getbbox(False)
    except Exception:  # no pixels at all: the failure came before
        return None
    return float(box[3] / image.size[1]) if box and box[3] < image.size[1] else None
