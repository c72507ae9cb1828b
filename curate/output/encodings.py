"""Which pictures have to be written anew, and as what."""

from __future__ import annotations

from collections.abc import Mapping

from curate.output.choices import Encoding, Format
from curate.pictures import is_plain
from curate.records import Facts

_SUFFIXES: Mapping[str, tuple[str, ...]] = {"JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "WEBP": (".webp",)}
_LOSSY: Mapping[str, Encoding] = {"JPEG": "jpg", "WEBP": "webp", "HEIF": "jpg", "AVIF": "jpg"}  # camera and web formats
_ENCODED: Mapping[str, Encoding] = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


def encoding_of(facts: Facts, suffix: str, wanted: Format) -> tuple[Encoding | None, str, tuple[str, ...]]:
    """(encoding, suffix, reasons) of the file that is written; encoding None where the bytes can stay.

    Lossless pictures become PNG and lossy ones JPEG of high quality, so that nothing visible is lost.
    """
    proper = _SUFFIXES.get(facts.format, ())
    right = suffix.lower() if suffix.lower() in proper else (proper or (suffix,))[0]
    reasons = is_plain(facts, right)
    named = () if suffix == right else tuple(one for one in is_plain(facts, suffix) if one not in reasons)
    target: Encoding = _LOSSY.get(facts.format, "png") if wanted == "keep" else wanted
    if wanted != "keep" and _ENCODED.get(facts.format) != wanted:
        reasons += (f"all are wanted as {wanted}",)
    return (target, f".{target}", reasons) if reasons else (None, right, named)
