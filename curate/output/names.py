"""File names that every file system holds and no trainer misreads, and no two of which are the same.

Windows: https://learn.microsoft.com/windows/win32/fileio/naming-a-file. Trainers: stems of five or more parts between
underscores are taken for face crops by sd-scripts, ends of -masklabel and -condlabel for masks by OneTrainer, names
with a leading dot are skipped.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

LONGEST = 180  # bytes of UTF-8 in a stem: file systems hold 255, trainers append cache names of up to 60
FACE_CROP_PARTS = 5  # sd-scripts, face_crop_aug_range: name_centreX_centreY_width_height
_ORDINARY = re.compile(r"[A-Za-z0-9_-]{1,100}")  # nothing in it to mend
_ILLEGAL = re.compile(r'[<>:"/\\|?*]')
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(\..*)?", re.IGNORECASE | re.DOTALL)
_LABELS = ("-masklabel", "-condlabel")
_DROPPED = frozenset(("Cf",))  # invisible: zero-width letters, reading direction
_REPLACED = frozenset(("Cc", "Cs", "Zl", "Zp"))  # control characters, bytes that are no text, line separators


def some(named: Sequence[str], most: int) -> str:
    """The first `most` of them, and how many more there are."""
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more


def safe(text: str, fallback: str = "picture") -> str:
    """`text` as a name that Linux, macOS and Windows hold, in composed normal form."""
    if _ORDINARY.fullmatch(text) and not is_device(text):
        return text
    kept = text if text.isascii() and text.isprintable() else _visible(text)
    name = unicodedata.normalize("NFC", _shorten(_ILLEGAL.sub("-", kept).strip().strip(". ").strip()))
    name = name.strip(". ") or fallback
    return f"{fallback}-{name}" if is_device(name) else name


def _visible(text: str) -> str:
    return "".join(
        "-" if unicodedata.category(letter) in _REPLACED else letter
        for letter in unicodedata.normalize("NFC", text)
        if unicodedata.category(letter) not in _DROPPED
    )


def is_device(name: str) -> bool:
    """Whether Windows takes a name for a device, whatever its suffix: CON, nul.txt, COM1."""
    return bool(_DEVICE.fullmatch(name))


def safe_stem(stem: str) -> str:
    """`stem` as a picture's name that no trainer misreads either."""
    name = safe(stem)
    if name.count("_") >= FACE_CROP_PARTS - 1:
        name = name.replace("_", "-")
    return f"{name}-picture" if name.lower().endswith(_LABELS) else name


def key(name: str) -> str:
    """Equal for names that some file system holds for the same: by case or by Unicode's normal forms."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def unique_stems(paths: Sequence[str]) -> list[str]:
    """A safe stem for each picture's path, no two alike; the path's own wherever that is free.

    Where names collide, the first path keeps its own, others take their folder or suffix into the name, then a number.
    """
    plain = [safe_stem(own_stem(path)) for path in paths]
    keys = [key(stem) for stem in plain]
    wanted = Counter(keys)
    taken: set[str] = set()
    stems = []
    for path, own, found in zip(paths, plain, keys, strict=True):
        stem = own
        if found in taken:
            stem, found = next(
                (one, as_key)
                for one in _candidates(path, own)
                if (as_key := key(one)) not in taken and not wanted[as_key]
            )
        taken.add(found)
        stems.append(stem)
    return stems


def own_stem(path: str) -> str:
    """The name of a file without its folder and suffix."""
    return posixpath.splitext(path.rpartition("/")[2])[0]


def unique(names: Sequence[str], reserved: frozenset[str] = frozenset()) -> list[str]:
    """The names, numbered from 2 on where one is taken or `reserved` (keys)."""
    taken = set(reserved)
    found = []
    for name in names:
        free = name
        number = 2
        while key(free) in taken:
            free, number = f"{name}-{number}", number + 1
        taken.add(key(free))
        found.append(free)
    return found


def _candidates(path: str, own: str) -> Iterator[str]:
    folder, file = posixpath.split(path)
    base = own
    if folder:
        base = safe_stem(f"{folder.replace('/', '-')}-{own}")
        yield base
    suffix = posixpath.splitext(file)[1].lstrip(".").lower()
    if suffix:
        yield safe_stem(f"{own}-{suffix}")
        yield safe_stem(f"{base}-{suffix}")
    number = 2
    while True:
        yield safe_stem(f"{_cut(own, LONGEST - 12)}-{number}")
        number += 1


def _shorten(name: str) -> str:
    """At most LONGEST bytes; what is cut off is told apart by a digest."""
    if len(name.encode("utf-8", "replace")) <= LONGEST:
        return name
    tail = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{_cut(name, LONGEST - 9)}-{tail}"


def _cut(name: str, size: int) -> str:
    return name.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
