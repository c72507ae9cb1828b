"""Where a picture was taken, as its file tells: whether it does, and the same file without.

Cameras write the place as a directory of EXIF (EXIF 2.32, 4.6.6: GPS), programs as XMP (its exif, photoshop and
Iptc4xmp properties) or IPTC (IIM 4.2, data sets 2:26-27 and 2:90-101). Maker notes, a second picture or a video behind
the first, and provenance records may hold it once more. So a file that tells a place is written without anything but
what its pixels need to be shown: no block that a decoder does not look at can keep it. Pixels are not touched.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

GPS = 0x8825  # EXIF 2.32, 4.6.3: pointer to the directory that holds the place
_EXIF = b"Exif\0\0"
_POINTERS = (0x8769, 0x014A)  # EXIF's own directory, TIFF's SubIFDs
_LONG_ENOUGH = 16 << 20  # bytes of a compressed text; longer ones count as telling a place, unread
_HINTS = (b"GPS", b"photoshop:", b"Iptc4xmp", b"geo:lat")  # one of which is in every name; quicker to look for
_NAMES = re.compile(
    rb"GPS(?:Dest)?(?:Latitude|Longitude|Altitude|Position|Coordinates|AreaInformation)"
    rb"|photoshop:(?:City|State|Country)|Iptc4xmpCore:(?:Location|CountryCode)|Iptc4xmpExt:(?:Location|City|Sublocation)"
    rb"|geo:lat"
)
_IPTC = re.compile(rb"\x1c\x02[\x1a\x1b\x5a\x5c\x5f\x64\x65]\0")  # of fewer than 256 bytes
_XMP_NEXT = b"http://ns.adobe.com/xmp/extension/\0"  # XMP 3, 1.1.3.1: packets in parts, behind 40 bytes of numbering
_PNG_KEPT = frozenset(b"tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD pHYs".split())  # PNG 3rd edition, 11.3
_WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # that ends a scan's data (ITU T.81, B.1.1)
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length
_SOS, _EOI, _COMMENT = 0xDA, 0xD9, 0xFE


class _Block(NamedTuple):
    """A piece of a file."""

    raw: bytes  # as it stands
    kept: bool  # pixels need it
    content: bytes = b""  # of one that is not kept


def is_told(data: bytes, format: str, info: Mapping[Any, Any]) -> bool:
    """Whether a picture's file tells a place. `format`: Pillow's name; `info`: what Pillow found beside the pixels.

    A block that ought to tell and cannot be read counts as one that does.
    """
    if format in _BLOCKS:
        blocks = [one.content for one in _BLOCKS[format](data) if not one.kept]
        parts = (one[len(_XMP_NEXT) + 40 :] for one in blocks if one.startswith(_XMP_NEXT))
        return any(_tells(one) for one in (*blocks, b"".join(parts)))
    blocks = [value for key in ("exif", "xmp") if isinstance(value := info.get(key), bytes)]
    if format == "GIF":  # its XMP, which is looked for in no other way
        blocks.append(_behind(data))
    return any(_tells(one) for one in blocks) or (format == "TIFF" and _tiff_tells(data))


def without(data: bytes, format: str) -> bytes:
    """The same JPEG, PNG or WebP file with its pixels as they are and nothing that tells a place.

    Raises ValueError for any other format.
    """
    if format not in _BLOCKS:
        raise ValueError(f"{format} files are written anew")
    found = b"".join(one.raw for one in _BLOCKS[format](data) if one.kept)
    return _webp_whole(found) if format == "WEBP" else found


def _tells(content: bytes) -> bool:
    """Whether a block that pixels do not need tells a place."""
    start = content.removeprefix(_EXIF)
    if start[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_tells(start) or _names_one(content)
    return content.startswith(_EXIF) or _names_one(content)


def _names_one(content: bytes) -> bool:
    if content.count(0) * 3 > len(content):  # UTF-16 and UTF-32
        content = content.replace(b"\0", b"")
    if (b"8BIM" in content or content[:1] == b"\x1c") and _IPTC.search(content):
        return True
    return any(hint in content for hint in _HINTS) and bool(_NAMES.search(content))


def _tiff_tells(data: bytes) -> bool:
    """Whether a TIFF structure has a directory for the place with more in it than the directory's own version."""
    order: Literal["little", "big"] = "little" if data[:1] == b"I" else "big"

    def number(at: int, size: int) -> int:
        if not 0 <= at <= len(data) - size:
            raise IndexError
        return int.from_bytes(data[at : at + size], order)

    waiting, seen = [number(4, 4)], set[int]()
    try:
        while waiting:
            at = waiting.pop()
            if at in seen or at == 0:
                continue
            seen.add(at)
            entries = range(at + 2, at + 2 + 12 * number(at, 2), 12)
            for entry in entries:
                tag, count = number(entry, 2), number(entry + 4, 4)
                if tag == GPS and _has_more(number, number(entry + 8, 4)):
                    return True
                if tag in _POINTERS and count == 1:
                    waiting.append(number(entry + 8, 4))
            waiting.append(number(entries.stop, 4))
    except IndexError:  # cut off, or it points out of itself
        return GPS.to_bytes(2, order) in data
    return False


def _has_more(number: Callable[[int, int], int], at: int) -> bool:
    return any(number(at + 2 + 12 * entry, 2) for entry in range(number(at, 2)))  # 0: GPSVersionID


def _jpeg(data: bytes) -> Iterator[_Block]:
    """The segments of a JPEG file, each scan with its data, and what follows the end of the picture."""
    yield _Block(data[:2], True)
    at = 2
    while at < len(data):
        found = _MARKER.search(data, at)  # decoders skip what stands between segments
        start = found.start() if found else len(data)
        if start > at:
            yield _Block(data[at:start], False)
        marker = data[start + 1] if found else _EOI
        if marker == _EOI:
            yield _Block(data[start : start + 2], True)
            yield _Block(data[start + 2 :], False, _behind(data[start + 2 :]))
            return
        at = start + 2 if marker in _ALONE else start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        content = data[start + 4 : at]
        if marker == _SOS:
            found = _MARKER.search(data, at)
            at = found.start() if found else len(data)
        yield _Block(data[start:at], _shows(marker, content), content)


def _shows(marker: int, start: bytes) -> bool:
    """Whether pixels look otherwise without a segment: only JFIF's, profiles and Adobe's among those of programs."""
    if marker == 0xE0:
        return start.startswith((b"JFIF\0", b"JFXX\0"))
    if marker == 0xE2:
        return start.startswith(b"ICC_PROFILE\0")
    if marker == 0xEE:
        return start.startswith(b"Adobe")
    return not (0xE0 <= marker <= 0xEF or marker == _COMMENT)


def _behind(rest: bytes) -> bytes:
    """What tells a place in data of any kind; b"" where nothing does."""
    return _EXIF if _behind_tells(rest) else b""


def _behind_tells(rest: bytes) -> bool:
    if b"GPSLatitude" in rest or b"photoshop:City" in rest or (b"ftyp" in rest and b"\xa9xyz" in rest):  # a video's
        return True
    at = rest.find(_EXIF)
    while at >= 0:
        if _tells(rest[at : at + 65_536]):  # a further picture's, whose segments are no longer than that
            return True
        at = rest.find(_EXIF, at + 1)
    return False


def _png(data: bytes) -> Iterator[_Block]:
    """The chunks of a PNG file, and what follows the last of them (PNG 3rd edition, 5.3)."""
    yield _Block(data[:8], True)
    at, name = 8, b""
    while at < len(data) and name != b"IEND":
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        kept = name[:1].isupper() or name in _PNG_KEPT
        yield _Block(data[at:end], kept, b"" if kept else _png_text(name, data[at + 8 : end - 4]))
        at = end
    yield _Block(data[at:], False, _behind(data[at:]))


def _png_text(name: bytes, content: bytes) -> bytes:
    """What a chunk holds, unpacked: programs write EXIF and XMP as texts, compressed and in hexadecimal digits."""
    key, _, rest = content.partition(b"\0")
    if name == b"iTXt" and rest[:1] == b"\1":
        rest = _unpacked(rest[2:].split(b"\0", 2)[-1])
    elif name == b"zTXt":
        rest = _unpacked(rest[1:])
    elif name not in (b"tEXt", b"iTXt"):
        return content
    if key.startswith(b"Raw profile type"):
        try:
            return bytes.fromhex(b"".join(rest.split()[2:]).decode("ascii"))  # after its name and its length
        except ValueError:
            return _EXIF
    return rest if rest == _EXIF else key + b" " + rest


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(packed, _LONG_ENOUGH)
    except zlib.error:
        return b""  # nobody else can read it either
    return found if not unpacker.unconsumed_tail else _EXIF


def _webp(data: bytes) -> Iterator[_Block]:
    """The chunks of a WebP file and what follows them (WebP container specification)."""
    yield _Block(data[:12], True)
    at, last = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= last:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        yield _Block(data[at:end], data[at : at + 4] in _WEBP_KEPT, data[at + 8 : at + 8 + size])
        at = end
    yield _Block(data[at:], False, _behind(data[at:]))


def _webp_whole(data: bytes) -> bytes:
    """With the file's own size, and without its flags for EXIF (8) and XMP (4)."""
    found = bytearray(data)
    found[4:8] = (len(found) - 8).to_bytes(4, "little")
    if found[12:16] == b"VP8X":
        found[20] &= ~0x0C & 0xFF
    return bytes(found)


_BLOCKS: Mapping[str, Callable[[bytes], Iterator[_Block]]] = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}
