"""A folder -> Catalog: pictures with captions, masks and subsets; broken and ignored files with their reasons."""

from __future__ import annotations

import hashlib
import os
import stat as modes
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from curate.errors import FolderError
from curate.pictures import captions, layout, masks, signatures
from curate.pictures.source import Source
from curate.pictures.walk import Listing, walk
from curate.records import Catalog, LeftOut, Picture

CHUNK = 1 << 20  # bytes hashed at once
LARGEST = 2 << 30  # bytes: beyond it a file cannot be a picture that fits the limit on pixels; 512 megapixels of RGBA
_SETTLED = 20_000_000  # ns: two changes within one tick of the clock that stamps files (up to 10 ms) look like one
_SETTLED_COARSE = 2_000_000_000  # ns: the same where stamps are whole seconds (FAT: 2 s)


class Digests(Protocol):
    """Remembers the digests of picture files, so that unchanged ones need not be read again.

    A file counts as unchanged while its size, mtime_ns, ctime_ns and inode are; only pictures are ever remembered.
    """

    def known(self, path: Path, stat: os.stat_result) -> str | None:
        """The SHA-256 (hex) that was remembered for this file in this state, or None."""

    def remember(self, path: Path, stat: os.stat_result, digest: str) -> None:
        """Keeps the digest of a file that is a picture by its content."""


@dataclass(slots=True)
class _Found:
    """Files by what they are, while they are being read."""

    pictures: dict[str, tuple[str, int]] = field(default_factory=dict)  # path -> SHA-256, bytes
    texts: dict[str, bytes] = field(default_factory=dict)  # caption files, path -> content
    tables: dict[str, bytes] = field(default_factory=dict)  # metadata files, likewise
    broken: list[LeftOut] = field(default_factory=list)
    ignored: list[LeftOut] = field(default_factory=list)


def scan(
    folder: Path,
    *,
    regularisation: Sequence[str] = (),
    digests: Digests | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Catalog:
    """Everything below `folder`, each file in exactly one place.

    `regularisation`: folders that hold regularisation pictures, besides those named reg and the like: below `folder`,
    or anywhere else.
    `progress(done, total)` is called after each file. No picture is decoded: one whose pixels are broken is still
    among the pictures.
    Raises FolderError for a folder that is missing, unreadable, empty or without pictures.
    """
    root = os.path.abspath(Path(folder).expanduser())  # noqa: PTH100  (resolve() would follow a link the user named)
    listing = _list(root)
    elsewhere = layout.outside_of(root, regularisation, listing.folders)
    for start, whole in elsewhere.values():
        listing.add(start, _list(whole))
    outside = tuple(elsewhere.values())
    named = layout.find_named(root, [name for name in regularisation if name not in elsewhere], listing.folders)
    found = _Found(broken=list(listing.broken), ignored=list(listing.ignored))
    reader = _Reader(Source(root, outside), digests, found)
    for done, path in enumerate(listing.files, start=1):
        reader.take(path)
        if progress:
            progress(done, len(listing.files))
    return replace(_assemble(root, found, named), outside=outside)


def _list(root: str) -> Listing:
    try:
        return walk(root)
    except FileNotFoundError:
        raise FolderError(root, "no such folder", "Check the path") from None
    except NotADirectoryError:
        raise FolderError(root, "a file, not a folder", "Give the folder that it lies in") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        problem = getattr(error, "strerror", None) or str(error)
        raise FolderError(root, f"cannot be read: {problem}", "Check the path and its permissions") from None


class _Reader:
    """Reads each file once, and puts it where it belongs."""

    def __init__(self, source: Source, digests: Digests | None, found: _Found) -> None:
        self.source, self.digests, self.found = source, digests, found

    def take(self, path: str) -> None:
        try:
            stat = self.source.stat(path)
            if not modes.S_ISREG(stat.st_mode):
                self._ignore(path, "neither file nor folder (a pipe, socket or device)")
            elif digest := self.digests and self.digests.known(self.source.whole_path(path), stat):
                self.found.pictures[path] = digest, stat.st_size
            else:
                self._read(path)
        except OSError as error:
            self._break(path, self.source.why_unreadable(path, error))

    def _read(self, path: str) -> None:
        with self.source.open(path) as file:
            before = os.fstat(file.fileno())
            head = file.read(signatures.HEAD)
            left_out = signatures.left_out_as(path, head)
            if left_out is None and before.st_size > LARGEST:
                self._break(path, f"larger than {LARGEST >> 30} GiB")
            elif left_out is None:
                digest = _digest(head, file.read)
                self._keep(path, digest, before, os.fstat(file.fileno()))
            elif left_out[0]:
                self._break(path, left_out[1])
            else:
                self._take_text(path, left_out[1], head, file.read)

    def _keep(self, path: str, digest: str, before: os.stat_result, after: os.stat_result) -> None:
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            self._break(path, "changed while reading")
            return
        self.found.pictures[path] = digest, after.st_size
        if self.digests and _is_settled(after):
            self.digests.remember(self.source.whole_path(path), after, digest)

    def _take_text(self, path: str, reason: str, head: bytes, read: Callable[[int], bytes]) -> None:
        """Keeps what may be captions; ignores the rest."""
        name = path.rpartition("/")[2].lower()
        if name in captions.TABLES:
            kept, largest = self.found.tables, captions.LARGEST_TABLE
        elif signatures.suffix_of(path) in signatures.CAPTION_SUFFIXES:
            kept, largest = self.found.texts, captions.LARGEST_TEXT
        else:
            self._ignore(path, reason)
            return
        content = _read_up_to(head, read, largest + 1)
        if len(content) > largest:
            self._ignore(path, f"too large for captions: more than {largest >> 20} MiB")
        else:
            kept[path] = content

    def _break(self, path: str, reason: str) -> None:
        self.found.broken.append(LeftOut(path=path, reason=reason))

    def _ignore(self, path: str, reason: str) -> None:
        self.found.ignored.append(LeftOut(path=path, reason=reason))


def _digest(head: bytes, read: Callable[[int], bytes]) -> str:
    digest = hashlib.sha256(head)
    while chunk := read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _read_up_to(head: bytes, read: Callable[[int], bytes], limit: int) -> bytes:
    parts, size = [head], len(head)
    while size < limit and (chunk := read(min(CHUNK, limit - size))):
        parts.append(chunk)
        size += len(chunk)
    return b"".join(parts)


def _is_settled(stat: os.stat_result) -> bool:
    """Whether a further change of the file would show in its time stamp."""
    age = time.time_ns() - stat.st_mtime_ns
    return age > (_SETTLED if stat.st_mtime_ns % 1_000_000_000 else _SETTLED_COARSE)


def _assemble(root: str, found: _Found, named: frozenset[str]) -> Catalog:
    mask = masks.find(found.pictures)
    paths = sorted(found.pictures.keys() - mask.paths)
    caption = captions.attach(paths, found.texts, found.tables)
    catalog = Catalog(
        folder=root,
        pictures=tuple(_picture(path, found.pictures[path], caption, mask, named) for path in paths),
        broken=_sorted(found.broken),
        ignored=_sorted((*found.ignored, *mask.ignored, *caption.ignored)),
    )
    if not catalog.pictures:
        raise _without_pictures(catalog)
    return catalog


def _picture(
    path: str, content: tuple[str, int], caption: captions.Captions, mask: masks.Masks, named: frozenset[str]
) -> Picture:
    given = caption.of.get(path)
    subset, repeats = layout.subset_of(path)
    return Picture(
        path=path,
        digest=content[0],
        size_bytes=content[1],
        caption=given.text if given else None,
        caption_path=given.path if given else None,
        caption_problem=given.problem if given else "missing",
        caption_digest=given.digest if given else None,
        mask_path=mask.of.get(path),
        subset=subset,
        repeats=repeats,
        role=layout.role_of(path, named),
    )


def _sorted(left: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    return tuple(sorted(left, key=lambda one: one.path))


def _without_pictures(catalog: Catalog) -> FolderError:
    left = (*catalog.broken, *catalog.ignored)
    advice = "Give a folder with pictures: jpg, png, webp, bmp, gif, tiff, heic or avif"
    if not left:
        return FolderError(catalog.folder, "empty", advice)
    reasons = Counter(one.reason for one in left).most_common(3)
    listed = ", ".join(f"{count} x {reason}" for reason, count in reasons)
    return FolderError(catalog.folder, f"no picture among its {len(left)} files ({listed})", advice)
