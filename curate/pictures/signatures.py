"""What a file is, by its first bytes and, where they do not tell, by its name.

Signatures: the formats' own specifications, as gathered in https://www.iana.org/assignments/media-types and
https://en.wikipedia.org/wiki/List_of_file_signatures.
"""

from __future__ import annotations

import importlib.util
import posixpath
from collections.abc import Mapping

HEAD = 65_536  # bytes read to tell what a file is; formats need 64, the HTML of an error page may start with comments


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PICTURE_SUFFIXES = _words(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .bmp .dib .gif .tif .tiff .heic .heif .hif .avif .jxl"
)
CAPTION_SUFFIXES = (".txt", ".caption")  # in order of precedence

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
    (b"\xff\x0a", "JXL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),
)
_BMP_HEADERS = frozenset((12, 16, 40, 52, 56, 64, 108, 124))  # bytes: the sizes of BMP's info headers
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))

_OTHERS = (
    (b"version https://git-lfs", "a Git LFS pointer (fetch the picture itself with: git lfs pull)"),
    (b"%PDF", "a PDF"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"SQLite format 3", "a database"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\0\0\x01\0", "an icon"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "HTML text"),
    (b"<html", "HTML text"),
    (b"<?xml", "XML text"),
    (b"{", "JSON text"),
)

VIDEO = "video: extract frames first, for example one a second"
ARCHIVE = "archive: unpack it first"
CACHE = "cache or weights of a trainer"
CONFIG = "configuration of a program"
RAW = "camera raw file: develop it to JPEG, PNG or TIFF first"
JXL_ABSENT = "JPEG XL needs the plugin pillow-jxl-plugin"


def _by_suffix(*rows: tuple[str, str]) -> Mapping[str, str]:
    return {suffix: reason for suffixes, reason in rows for suffix in suffixes.split()}


_REASONS = _by_suffix(
    (".mp4 .mov .avi .mkv .webm .m4v .wmv .flv .mpg .mpeg .mts .m2ts .3gp .ogv", VIDEO),
    (".mp3 .wav .flac .ogg .m4a .aac .opus .wma", "audio"),
    (".zip .tar .gz .tgz .7z .rar .bz2 .xz .zst", ARCHIVE),
    (".npz .npy .safetensors .pt .pth .ckpt .arrow .latent", CACHE),
    (".toml .yaml .yml .ini .cfg", CONFIG),
)
_RAW_SUFFIXES = _words(".dng .nef .nrw .cr2 .cr3 .arw .srf .sr2 .orf .rw2 .raf .pef .srw .3fr .iiq")


def suffix_of(path: str) -> str:
    """The lower-case suffix with its dot, "" where there is none."""
    return posixpath.splitext(path)[1].lower()


def picture_format(head: bytes) -> str | None:
    """Pillow's name of the picture format that `head`, a file's first bytes, begins; None where it begins none."""
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    brands = _brands(head)
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS else None


def left_out_as(path: str, head: bytes) -> tuple[bool, str] | None:
    """(whether it is broken, why) for a file that is no picture to curate; None for a picture."""
    suffix, found = suffix_of(path), picture_format(head)
    if suffix in _RAW_SUFFIXES:  # most begin like a TIFF, and would show their small preview
        return False, RAW
    if found == "JXL" and not jxl_plugin():
        return False, JXL_ABSENT
    if found:
        return None
    if suffix in PICTURE_SUFFIXES:
        return True, "empty file" if not head else f"not a picture: the content is {_content(head)}"
    if suffix in _REASONS:
        return False, _REASONS[suffix]
    return False, VIDEO if _is_video(head) else "not a picture"


def jxl_plugin() -> bool:
    """Whether Pillow can be taught JPEG XL on this machine."""
    return importlib.util.find_spec("pillow_jxl") is not None


def _brands(head: bytes) -> frozenset[bytes]:
    """The brands of an ISO base media file (ISO/IEC 14496-12, 4.3), empty for any other file."""
    if head[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset(head[at : at + 4] for at in range(8, end - 3, 4) if at != 12)  # 12: the minor version


def _is_video(head: bytes) -> bool:
    """Whether `_content` calls it that; a glance rules most captions out."""
    if head[4:8] != b"ftyp" and head[:4] != b"RIFF" and b"\xdf\xa3" not in head:  # the end of Matroska's four bytes
        return False
    return _content(head) == "a video"


def _content(head: bytes) -> str:
    """What a file that is no picture holds, in words."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, name in _OTHERS:
        if head.startswith(start) or text.startswith(start.lower()):
            return name
    if head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return "a video"
    if not head.strip(b"\0"):
        return "nothing but zeros"
    try:
        head[:4096].decode("utf-8")
    except UnicodeDecodeError as error:
        return "text" if error.start > len(head[:4096]) - 4 else "of an unknown kind"
    return "of an unknown kind" if b"\0" in head[:4096] else "text"
