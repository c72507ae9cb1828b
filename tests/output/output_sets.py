"""Small sets drawn in code, scanned and decoded by the real reader."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from curate import output, pictures
from curate.errors import BrokenPicture
from curate.records import LeftOut


def draw(
    path: Path, size: tuple[int, int] = (96, 80), seed: int = 0, caption: str | None = "a picture", **save: Any
) -> Path:
    """A smooth picture with a bright left half, so that turns show; with its caption."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    red = 40 + 180 * (columns < width // 2)
    pixels = np.dstack((red, 60 + rows * 120 // height, np.full_like(rows, 30 + seed * 7 % 200))).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **save)
    if caption is not None:
        path.with_suffix(".txt").write_bytes(caption.encode("utf-8"))
    return path


def measured(folder: Path, settings: dict[str, Any], values: dict[str, Any]) -> output.Export:
    catalog = pictures.scan(folder)
    source = pictures.Source(catalog.folder)
    items, broken = [], list(catalog.broken)
    for picture in catalog.pictures:
        try:
            facts = pictures.decode(source.read(picture.path)).facts
        except BrokenPicture as error:
            broken.append(LeftOut(path=picture.path, reason=error.reason))
            continue
        items.append(output.Item(picture=picture, facts=facts))
    return output.Export(
        folder=catalog.folder,
        items=tuple(items),
        broken=tuple(broken),
        ignored=catalog.ignored,
        settings=output.Settings(**settings),
        values=output.Values(**values),
    )


def without(export: output.Export, path: str, **changes: Any) -> output.Export:
    """The set with one picture decided otherwise."""
    items = tuple(replace(item, **changes) if item.picture.path == path else item for item in export.items)
    return replace(export, items=items)


def state(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file's digest and time of change."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


Exporter = Callable[..., output.Written]


def wide_profile() -> bytes:
    """An ICC profile (ICC.1:2001-04) with the primaries of Adobe RGB (1998) at D50 and gamma 2.2."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(*values)

    name = b"Adobe-like\0"
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(79)
    tags = {
        b"desc": text + bytes(-len(text) % 4),
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.60974, 0.31111, 0.01947),
        b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz(0.14919, 0.06322, 0.74457),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    at = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        table += tag + struct.pack(">II", at + len(data), len(content))
        data += content
    head = struct.pack(">I4sI", at + len(data), b"\0\0\0\0", 0x02100000) + b"mntrRGB XYZ " + bytes(12) + b"acsp"
    head += bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return head + bytes(128 - len(head)) + table + data
