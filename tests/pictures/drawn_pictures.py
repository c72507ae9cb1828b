"""Small pictures drawn in code, and files in formats that Pillow does not write."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, ImageCms


def quarters(width: int = 60, height: int = 40) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Four flat colours, all different, so that every turn shows: red green / blue yellow."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (200, 30, 30)
    pixels[: height // 2, width // 2 :] = (30, 180, 30)
    pixels[height // 2 :, : width // 2] = (30, 30, 200)
    pixels[height // 2 :, width // 2 :] = (220, 220, 40)
    return pixels


def saved(picture: Any, name: str, **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def png(pixels: np.ndarray[Any, Any], kind: int, bits: int, *chunks: bytes) -> bytes:
    """A PNG of any depth. `kind`: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA; `chunks` stand before the pixels."""
    height, width = pixels.shape[:2]
    kept = pixels.astype(">u2") if bits == 16 else pixels.astype(np.uint8)
    rows = b"".join(b"\0" + _packed(row, bits) for row in kept)
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    body = (chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _packed(row: np.ndarray[Any, Any], bits: int) -> bytes:
    if bits >= 8:
        return row.tobytes()
    unpacked = np.unpackbits(row[:, None], axis=1)[:, 8 - bits :].ravel()
    return np.packbits(unpacked).tobytes()


def tiff(pixels: np.ndarray[Any, Any], photometric: int, sample_format: int = 1, orientation: int = 1) -> bytes:
    """An uncompressed little-endian TIFF of any numbers. photometric: 0 white is zero, 1 black is zero, 2 RGB."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    shorts = struct.pack(f"<{channels}H", *([pixels.dtype.itemsize * 8] * channels))
    formats = struct.pack(f"<{channels}H", *([sample_format] * channels))
    at_shorts = 8 + len(raw)
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, shorts), (259, 3, 1, 1)]
    tags += [(262, 3, 1, photometric), (273, 4, 1, 8), (274, 3, 1, orientation), (277, 3, 1, channels)]
    tags += [(278, 4, 1, height), (279, 4, 1, len(raw)), (339, 3, channels, formats)]
    extra, entries = b"", b""
    for tag, kind, count, value in tags:
        if isinstance(value, bytes) and len(value) > 4:
            field = struct.pack("<I", at_shorts + len(extra))
            extra += value + b"\0" * (len(value) % 2)
        else:
            field = value.ljust(4, b"\0") if isinstance(value, bytes) else struct.pack("<I", value)
        entries += struct.pack("<HHI", tag, kind, count) + field
    start = at_shorts + len(extra)
    return b"II*\0" + struct.pack("<I", start) + raw + extra + struct.pack("<H", len(tags)) + entries + b"\0" * 4


def profile(primaries: tuple[tuple[float, float], ...] | None, gamma: float = 2.2, name: str = "wide") -> bytes:
    """An ICC profile (version 2): RGB with these xy primaries (red, green, blue) and white D50, or grey for None."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = name.encode("ascii") + b"\0"
    desc = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67)
    white = np.array([0.9642, 1.0, 0.8249])
    parts = [(b"desc", desc), (b"wtpt", _xyz(white)), (b"cprt", b"text" + bytes(4) + b"CC0\0")]
    if primaries is None:
        parts += [(b"kTRC", curve)]
    else:
        columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in primaries]).T
        columns = columns * np.linalg.solve(columns, white)
        parts += [(tag, _xyz(columns[:, at])) for at, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))]
        parts += [(tag, curve) for tag in (b"rTRC", b"gTRC", b"bTRC")]
    table, body, at = b"", b"", 132 + 12 * len(parts)
    for tag, content in parts:
        table += tag + struct.pack(">II", at + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    space = b"GRAY" if primaries is None else b"RGB "
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"", 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _xyz(white)[8:] + bytes(48)
    return header + struct.pack(">I", len(parts)) + table + body


REC2020 = ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046))  # ITU-R BT.2020


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _xyz(values: np.ndarray[Any, Any]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)
