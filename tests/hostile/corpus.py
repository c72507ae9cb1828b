"""A folder of 300 hostile files, the same each time: what scraped folders hold, and what somebody put there on purpose.

`write` makes it, `scanned` scans it and tells where each file went.
"""

from __future__ import annotations

# names of bytes that are no text: Path takes them only decoded
# ruff: noqa: PTH103, PTH114, PTH118, PTH120, PTH123
import contextlib
import io
import os
import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fuzzing import mutations
from fuzzing import pictures as drawn

DEEP = 60  # folders inside each other: below Linux' 4,096 bytes and beyond Windows' 260 characters of a path
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "TIFF": "tif", "BMP": "bmp", "AVIF": "avif"}
SUFFIXES |= {"HEIF": "heic"}


@dataclass(frozen=True, slots=True)
class Account:
    """Where the files of the folder went."""

    files: int
    places: Mapping[str, int]
    lost: tuple[str, ...]  # in no place
    twice: tuple[str, ...]  # in more than one
    seconds: float


def write(folder: Path, share: float = 1.0) -> None:
    """Makes the folder, or of each kind of file a share. What this file system cannot hold is left out."""
    for kind in (_sound, _truncated, _flipped, _misnamed, _bombs, _foreign, _texts, _names):
        made = list(kind())
        for name, data in made[: max(1, round(len(made) * share))]:
            with contextlib.suppress(OSError, ValueError):
                path = os.path.join(os.fsencode(folder), name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(data)
    _specials(folder)


def scanned(scratch: Path, share: float = 1.0) -> Account:
    """Writes the folder below `scratch` and scans it."""
    import curate

    folder = scratch / "hostile"
    folder.mkdir()
    write(folder, share)
    settings = curate.ScanSettings(model="none", views="off", cache=scratch / "cache", offline=True)
    begin = time.monotonic()
    found = curate.scan(folder, settings).catalog
    seconds = time.monotonic() - begin
    pictures = found.pictures
    places = {
        "pictures": [one.path for one in pictures],
        "captions and masks": sorted({p for one in pictures for p in (one.caption_path, one.mask_path) if p}),
        "broken, with the reason": [one.path for one in found.broken],
        "ignored, with the reason": [one.path for one in found.ignored],
    }
    counted = Counter(path for paths in places.values() for path in paths)
    there = set(files(folder))
    return Account(
        files=len(there),
        places={name: len(paths) for name, paths in places.items()},
        lost=tuple(sorted(there - counted.keys())),
        twice=tuple(sorted(path for path, times in counted.items() if times > 1)),
        seconds=seconds,
    )


def files(folder: Path) -> Iterator[str]:
    """Every entry below the folder that is no folder, links not followed; paths with forward slashes."""
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in (*names, *links):
            yield os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/")


Files = Iterator[tuple[bytes, bytes]]  # name, content


def _sound() -> Files:
    """Pictures of every format that can be decoded, and of sizes that nobody expects."""
    from PIL import Image

    for name, suffix in SUFFIXES.items():
        for at, data in enumerate(drawn.seeds(name)[:3]):
            yield f"sound/{name.lower()}{at}.{suffix}".encode(), data
    for size in ((1, 1), (2, 1), (1, 60_000), (60_000, 1), (3, 4000)):
        yield f"sound/{size[0]}x{size[1]}.png".encode(), _saved(Image.new("RGB", size, (9, 99, 200)), "PNG")
    picture = Image.linear_gradient("L").convert("RGB")
    for at, exif in enumerate(_exifs()):
        yield f"sound/exif{at}.jpg".encode(), _saved(picture, "JPEG", exif=exif)
    yield b"sound/profile.jpg", _saved(picture, "JPEG", icc_profile=b"\0" * 900_000)
    deep = "/".join(["d"] * DEEP)
    yield f"sound/{deep}/deep.png".encode(), _saved(picture, "PNG")


def _exifs() -> Iterator[bytes]:
    """EXIF that says nothing sensible: an orientation of 99, a list that leads to itself, counts beyond the file."""
    head = b"Exif\0\0II*\0\x08\0\0\0"
    yield head + struct.pack("<HHHII", 1, 0x0112, 3, 1, 99) + bytes(4)
    yield head + struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8, 8)
    yield head + struct.pack("<HHHII", 1, 0x010E, 2, 0xFFFFFFFF, 0xFFFFFFF0) + bytes(4)
    yield head + struct.pack("<H", 0xFFFF) + b"\xff" * 60_000
    yield b"Exif\0\0" + b"\0" * 60_000


def _truncated() -> Files:
    for name, suffix in SUFFIXES.items():
        data = max(drawn.seeds(name), key=len)
        for share in (0.02, 0.3, 0.6, 0.9, 0.99):
            yield f"truncated/{name.lower()}-{share}.{suffix}".encode(), data[: int(len(data) * share)]


def _flipped() -> Files:
    for name, suffix in SUFFIXES.items():
        seeds = drawn.seeds(name)
        for at in range(6):
            random = Random(f"{name} {at}")
            data = mutations.mutated(random.choice(seeds), random.choice(seeds), random)
            yield f"flipped/{name.lower()}{at}.{suffix}".encode(), data


def _misnamed() -> Files:
    names = list(SUFFIXES)
    for at, name in enumerate(names):
        for step in (1, 3):
            suffix = SUFFIXES[names[(at + step) % len(names)]]
            yield f"misnamed/{name.lower()}.{suffix}".encode(), drawn.seeds(name)[0]
        yield f"misnamed/{name.lower()}".encode(), drawn.seeds(name)[0]


def _bombs() -> Files:
    """Small files that ask for gigabytes, or for hours."""
    head = struct.pack(">IIBBBBB", 65_535, 65_535, 8, 6, 0, 0, 0)
    rows = zlib.compress(bytes(1 + 30_000 // 8) * 30_000, 9)
    yield b"bombs/head.png", _png(_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(bytes(1000))))
    yield (
        b"bombs/whole.png",
        _png(_chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)), _chunk(b"IDAT", rows)),
    )
    small = _chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)), _chunk(b"IDAT", zlib.compress(bytes(72)))
    filled = zlib.compress(bytes(200 << 20), 9)  # 200 MiB in 200 kB
    for kind, content in (
        (b"zTXt", b"a\0\0" + filled),
        (b"iCCP", b"a\0\0" + filled),
        (b"iTXt", b"a\0\1\0\0\0" + filled),
    ):
        yield b"bombs/" + kind + b".png", _png(small[0], _chunk(kind, content), small[1])
    yield (
        b"bombs/texts.png",
        _png(small[0], *[_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000), 9))] * 300, small[1]),
    )
    frames = struct.pack(">II", 0x7FFFFFFF, 0)
    yield b"bombs/frames.png", _png(small[0], _chunk(b"acTL", frames), small[1])
    yield (
        b"bombs/head.gif",
        b"GIF89a"
        + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0)
        + bytes(6)
        + b"\x2c"
        + bytes(4)
        + struct.pack("<HHBB", 65_535, 65_535, 0, 2)
        + b"\2\x4c\1\0\x3b",
    )
    frame = b"\x2c" + bytes(4) + struct.pack("<HHB", 1, 1, 0) + b"\2\2\x4c\1\0"
    yield b"bombs/frames.gif", b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + frame * 20_000 + b"\x3b"
    yield (
        b"bombs/head.bmp",
        b"BM" + bytes(8) + struct.pack("<IIiiHHIIiiII", 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0),
    )
    yield b"bombs/head.webp", _webp(b"VP8L", b"\x2f" + struct.pack("<I", 0x3FFF | 0x3FFF << 14) + bytes(40))
    yield b"bombs/canvas.webp", _webp(b"VP8X", bytes(4) + b"\xff\xff\xff" * 2)
    jpeg = bytearray(drawn.seeds("JPEG")[1])
    at = jpeg.find(b"\xff\xc2") + 5
    jpeg[at : at + 4] = b"\xff\xdc\xff\xdc"
    yield b"bombs/head.jpg", bytes(jpeg)
    yield b"bombs/profile.jpg", _with_profiles(drawn.seeds("JPEG")[0])
    for name, tags in (
        ("strips", {256: 100_000, 257: 100_000}),
        ("tags", {}),
        ("tile", {322: 2**31 - 16, 323: 2**31 - 16}),
    ):
        yield f"bombs/{name}.tif".encode(), _tiff(tags)
    avif = bytearray(drawn.seeds("AVIF")[0])
    at = avif.find(b"ispe") + 8
    avif[at : at + 8] = struct.pack(">II", 65_535, 65_535)
    yield b"bombs/head.avif", bytes(avif)
    heif = bytearray(drawn.seeds("HEIF")[0])
    at = heif.find(b"ispe") + 8
    heif[at : at + 8] = struct.pack(">II", 65_535, 65_535)
    yield b"bombs/head.heic", bytes(heif)


def _png(*chunks: bytes) -> bytes:
    return b"".join((mutations.PNG, *chunks, _chunk(b"IEND", b"")))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _webp(kind: bytes, content: bytes) -> bytes:
    chunk = kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def _with_profiles(jpeg: bytes) -> bytes:
    """200 parts of a profile of 13 MB, in the wrong order."""
    part = b"ICC_PROFILE\0%c\xc8" + bytes(65_000)
    return (
        jpeg[:2]
        + b"".join(b"\xff\xe2" + struct.pack(">H", len(part) + 1) + part % at for at in range(200, 0, -1))
        + jpeg[2:]
    )


def _tiff(changed: Mapping[int, int]) -> bytes:
    """A grey picture of 8 x 8 px with some tags changed; a directory that leads to itself, of 65,535 tags where none is
    changed."""
    tags = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 8, 279: 64} | changed
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    count = len(tags) if changed else 65_535
    return b"II*\0" + struct.pack("<I", 72) + bytes(64) + struct.pack("<H", count) + entries + struct.pack("<I", 72)


def _foreign() -> Files:
    """What is no picture, under the names of pictures and under its own."""
    contents = {
        "html": b"<!DOCTYPE html><html><body>404</body></html>",
        "json": b'{"error": "not found"}',
        "pdf": b"%PDF-1.7\n",
        "zip": b"PK\x03\x04" + bytes(40),
        "empty": b"",
        "zeros": bytes(5000),
        "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "program": b"\x7fELF" + bytes(60),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "text": b"just words",
        "noise": Random(1).randbytes(4000),
    }
    for name, data in contents.items():
        yield f"foreign/{name}.jpg".encode(), data
        yield f"foreign/{name}.{name}".encode(), data
    for name in (
        "clip.mp4",
        "song.mp3",
        "set.zip",
        "latent.npz",
        "lora.safetensors",
        "photo.nef",
        "Thumbs.db",
        ".hidden",
    ):
        yield f"foreign/{name}".encode(), b"\0\0\0\x18ftypmp42" + bytes(60)
    yield b".git/config", b"[core]\n"
    yield b"__MACOSX/._a.png", bytes(100)
    yield b"_latent_cache/a.png", drawn.seeds("PNG")[0]


def _texts() -> Files:
    """Captions that no trainer wants, and metadata files that lie."""
    contents = {
        "large": b"nora, " * 500_000,
        "zeros": b"a\0b\0\0c",
        "wide": "nora".encode("utf-16"),
        "cp1252": b"caf\xe9 \x81",
        "escapes": b"\x1b]0;owned\x07\x1b[2J red \x1b[31m",
        "markup": b"<script>alert(1)</script><img src=x onerror=alert(1)>",
        "turned": "nora \u202egnp.exe".encode(),
        "lines": b"one\r\ntwo\rthree\n\n\n",
        "quotes": b"\"'`$(id)`; drop table\\",
        "empty": b" \n\t ",
    }
    from PIL import Image

    for at, (name, data) in enumerate(contents.items()):
        yield f"texts/{name}.png".encode(), _saved(Image.radial_gradient("L").resize((64 + at, 64)), "PNG")
        yield f"texts/{name}.txt".encode(), data
    yield b"texts/alone.txt", b"a caption without a picture"
    yield b"texts/metadata.jsonl", b'{"file_name": "../../etc/passwd", "text": "x"}\n{"file_name": 5}\nnot json\n'
    yield b"texts/captions.json", b"[" * 100_000
    yield b"texts/metadata.json", b'{"C:\\\\large.png": {"caption": "\\ud800"}, "x": 1}'


def _names() -> Files:
    """Names of every byte that Linux allows in one, and what other systems take for something else."""
    data = drawn.seeds("PNG")[3]
    wild = [bytes([byte]) for byte in (*range(1, 32), *range(127, 256, 5)) if byte != 47]
    wild += [
        b"\\",
        b'"',
        b"'",
        b"`",
        b"$(id)",
        b"%s",
        b"*?",
        b"<b>",
        b"&amp;",
        b"|",
        b" ",
        b"a ",
        b"~",
        b"-rf",
        b"#",
        b"{a: b}",
    ]
    wild += [
        "\u202egnp".encode(),
        "e\u0301".encode(),
        "é".encode(),
        b"\n[[datasets]]\n",
        b"\x1b[31m",
        b"\xff\xfe",
        b"\xed\xa0\x80",
    ]
    wild += [
        b"con",
        b"nul.x",
        b"COM1",
        b"aux",
        b"lpt9",
        b"a" * 240,
        "ü".encode() * 118,
        b"a.",
        b"..",
        b"1e-4",
        b"null",
        b"A",
        b"a",
    ]
    for at, name in enumerate(wild):
        yield b"names/" + name + b"%d.png" % at, data + b"%d" % at  # bytes behind the end are no part of a picture


def _specials(folder: Path) -> None:
    """Pipes, devices, and links: in circles, out of the folder, to nothing. Where the system allows them."""
    place = folder / "special"
    place.mkdir()
    outside = folder.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret.png").write_bytes(drawn.seeds("PNG")[2])
    for name, target in (
        ("loop", "."),
        ("up", ".."),
        ("itself", "itself"),
        ("missing.png", "nothing.png"),
        ("out", str(outside)),
        ("out.png", str(outside / "secret.png")),
        ("inside.png", "../sound/png1.png"),
    ):
        with contextlib.suppress(OSError, NotImplementedError):
            (place / name).symlink_to(target)
    with contextlib.suppress(OSError, AttributeError):
        os.mkfifo(place / "pipe.png")
    with contextlib.suppress(OSError, AttributeError):
        os.mknod(place / "null.png", 0o020666, os.makedev(1, 3))


def _saved(image: object, name: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)  # type: ignore[attr-defined]
    return file.getvalue()
