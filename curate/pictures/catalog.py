"""A folder -> Catalog: pictures with captions, masks and subsets; broken and ignored files with their reasons."""

from __future__ import annotations

import hashlib
import os
import stat as modes
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from curate import addresses
from curate.errors import FolderError
from curate.pictures import captions, layout, masks, reading, signatures
from curate.pictures.found import CHUNK, Found
from curate.pictures.reading import LARGEST
from curate.pictures.source import Source
from curate.pictures.sources import FolderFiles, Held, State, archive_of, files_at, held_at
from curate.pictures.sources.folder import is_settled
from curate.records import Catalog, LeftOut, Picture

_UNKNOWN = State()


class Digests(reading.Digests, Protocol):
    """Remembers the digests of picture files, so that unchanged ones need not be read again.

    A file counts as unchanged while its size, mtime_ns, ctime_ns and inode are; only pictures are ever remembered.
    """

    def known(self, path: str, stat: os.stat_result) -> str | None:
        """The SHA-256 (hex) that was remembered for this file in this state, or None."""

    def remember(self, path: str, stat: os.stat_result, digest: str) -> None:
        """Keeps the digest of a file that is a picture by its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What is to be read, and what of it is said to be regularisation."""

    root: str  # absolute path or address
    held: Held
    outside: tuple[tuple[str, str], ...]
    named: frozenset[str]
    plain: bool  # a folder of this machine


def scan(
    folder: str | Path,
    *,
    regularisation: Sequence[str] = (),
    digests: Digests | None = None,
    progress: Callable[[int, int], None] | None = None,
    engine: reading.Elsewhere | None = None,
) -> Catalog:
    """Everything below `folder`, each file in exactly one place.

    `folder`: a folder; the address of one in a store that fsspec reads; a tar archive, or a folder of nothing but such
    archives; or a Parquet table with a column `path` and, maybe, `caption`.
    `regularisation`: folders that hold regularisation pictures, besides those named reg and the like: below `folder`,
    or anywhere else.
    `engine`: whose machines read the files, which all of them have to see; None: this process reads.
    `progress(done, total)` is called after each file. No picture is decoded: one whose pixels are broken is still
    among the pictures.
    Raises FolderError for a folder that is missing, unreadable, empty or without pictures.
    """
    place = _place(folder, regularisation)
    found = Found(broken=list(place.held.listing.broken), ignored=list(place.held.listing.ignored))
    source, files = Source(place.root, place.outside), place.held.listing.files
    if place.plain and engine is None:
        reader = _Reader(source, digests, found)
        for done, path in enumerate(files, start=1):
            reader.take(path)
            if progress:
                progress(done, len(files))
    else:
        what = reading.Reading(
            source=source,
            digests=digests,
            shards=place.held.archived,
            captioned=bool(place.held.captions),
            engine=engine,
        )
        states = {path: place.held.states.get(path, _UNKNOWN) for path in files}
        if place.plain:
            states = _states(files, _Reader(source, digests, found))
        reading.read_all(what, states, found, progress)
    return replace(_assemble(place, found), outside=place.outside)


def _place(folder: str | Path, regularisation: Sequence[str]) -> _Place:
    here = addresses.local(folder)
    root = addresses.whole(folder) if here is None else os.path.abspath(here.expanduser())  # noqa: PTH100
    # (resolve() would follow a link the user named)
    files = files_at(root)
    held = held_at(files)
    listing = held.listing
    elsewhere = layout.outside_of(root, regularisation, listing.folders)
    for start, whole in elsewhere.values():
        listing.add(start, files_at(whole).held().listing)
    named = layout.find_named(root, [name for name in regularisation if name not in elsewhere], listing.folders)
    plain = isinstance(files, FolderFiles) and not held.archived
    plain = plain and not any(addresses.is_address(whole) for _, whole in elsewhere.values())
    return _Place(root=root, held=held, outside=tuple(elsewhere.values()), named=named, plain=plain)


def _states(files: Iterable[str], reader: _Reader) -> dict[str, State]:
    """How the files of a folder are now; what is no file is taken by the reader, which says so."""
    states = {}
    for path in files:
        state = _state(reader.source, path)
        if state is None:
            reader.take(path)
        else:
            states[path] = state
    return states


def _state(source: Source, path: str) -> State | None:
    place, name = source.at(path)
    try:
        return place.state(name)
    except OSError:
        return None


class _Reader:
    """Reads each file once, and puts it where it belongs."""

    def __init__(self, source: Source, digests: Digests | None, found: Found) -> None:
        self.source, self.digests, self.found = source, digests, found

    def take(self, path: str) -> None:
        try:
            stat = self.source.stat(path)
            if not modes.S_ISREG(stat.st_mode):
                self._ignore(path, "neither file nor folder (a pipe, socket or device)")
            elif digest := self.digests and self.digests.known(self.source.named(path), stat):
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
                self.found.take_text(path, left_out[1], head, file.read, shards=False)

    def _keep(self, path: str, digest: str, before: os.stat_result, after: os.stat_result) -> None:
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            self._break(path, "changed while reading")
            return
        self.found.pictures[path] = digest, after.st_size
        if self.digests and is_settled(after):
            self.digests.remember(self.source.named(path), after, digest)

    def _break(self, path: str, reason: str) -> None:
        self.found.set_broken(path, reason)

    def _ignore(self, path: str, reason: str) -> None:
        self.found.ignore(path, reason)


def _digest(head: bytes, read: Callable[[int], bytes]) -> str:
    digest = hashlib.sha256(head)
    while chunk := read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _assemble(place: _Place, found: Found) -> Catalog:
    mask = masks.find(found.pictures)
    paths = sorted(found.pictures.keys() - mask.paths)
    caption = captions.attach(paths, found.texts, found.tables, shards=place.held.archived)
    if place.held.captions:
        caption = replace(caption, of={**caption.of, **place.held.captions})
    catalog = Catalog(
        folder=place.root,
        pictures=tuple(_picture(path, found.pictures[path], caption, mask, place) for path in paths),
        broken=_sorted(found.broken),
        ignored=_sorted((*found.ignored, *mask.ignored, *caption.ignored)),
    )
    if not catalog.pictures:
        raise _without_pictures(catalog)
    return catalog


def _picture(
    path: str, content: tuple[str, int], caption: captions.Captions, mask: masks.Masks, place: _Place
) -> Picture:
    given = caption.of.get(path)
    laid_out = _without_archive(path) if place.held.archived else path
    subset, repeats = layout.subset_of(laid_out)
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
        role=layout.role_of(laid_out, place.named),
    )


def _without_archive(path: str) -> str:
    """The path as if the archive were unpacked where it lies: an archive is no subset."""
    archive = archive_of(path)
    return f"{archive.rpartition('/')[0]}{path[len(archive) :]}".lstrip("/") if archive else path


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
