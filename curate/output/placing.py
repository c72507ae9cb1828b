"""Carries out actions below one folder: copies, links, encodes and writes files, several at a time."""

from __future__ import annotations

import errno
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from curate.output import contents
from curate.output.destination import space
from curate.output.records import Action, Link, PlaceMask, PlacePicture, WriteText, WrittenFile
from curate.pictures import Source

CHUNK = 1 << 20  # bytes copied at once of what is too large to hold
BATCH_FILES, BATCH_BYTES = 128, 16 << 20  # what a thread prepares at once: at most that many files or, about, bytes
MOST_THREADS = 8  # decoded photographs take 30 to 150 MB each
AHEAD = 2  # batches a thread that may wait to be written: bounds memory
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)  # descriptors: for ten thousand small files
# they cost half of what Python's file objects do
_FULL = (errno.ENOSPC, errno.EDQUOT)
_TIMES_BY_FILE = os.utime in os.supports_fd  # not on Windows


@dataclass(slots=True)
class Placing:
    """How pictures are brought over, and what the system refused on the way."""

    source: Source
    link: Link
    background: tuple[int, int, int]
    refused: list[str] = field(default_factory=list)  # why a link was not made, once a picture
    linked: int = 0
    stripped: int = 0  # pictures that could not be linked, since the place they tell was taken out
    folders: dict[str, str] = field(default_factory=dict)  # of the source, by their part of a picture's path

    def path(self, picture: str) -> str:
        """The picture's own path; "" for one of a store or an archive. Ten thousand share few folders, and joining two
        texts is quick."""
        folder, _, name = picture.rpartition("/")
        if folder not in self.folders:
            local = self.source.is_local(picture)
            self.folders[folder] = str(self.source.whole_path(picture).parent) if local else ""
        if not self.folders[folder]:
            return ""
        return f"{self.folders[folder]}{os.sep}{name}" if name != ".." else str(self.source.whole_path(picture))

    def notes(self) -> tuple[str, ...]:
        found = []
        if self.refused:
            total = len(self.refused) + self.linked
            found.append(f"{len(self.refused)} of {total} pictures were copied, not linked: {self.refused[0]}.")
        if self.link and self.stripped:
            found.append(f"Copied, not linked, to take out where they were taken (--keep-location): {self.stripped:,}.")
        return tuple(found)


@dataclass(slots=True)
class _Prepared:
    """The content of one file, ready to be written."""

    action: Action
    data: bytes | None  # None: a link, or too large to hold
    digest: str = ""
    times: tuple[int, int] | None = None  # ns: last access and change, for a copy
    recipe: str = ""


def place_all(
    actions: Sequence[Action], folder: Path, placing: Placing, progress: Callable[[int, int], None] | None
) -> list[WrittenFile]:
    """Carries out all actions below `folder`, and tells what was written, in the order of the actions.

    Several threads encode ahead and prove what was copied; this one alone writes, since creating files in one folder
    from several threads only makes them wait for each other. Raises OSError where `folder` cannot take them,
    FolderError where a source file cannot be read or is another one.
    """
    for parent in sorted({action.to.rpartition("/")[0] for action in actions}):
        (folder / parent).mkdir(parents=True, exist_ok=True)
    threads = min(MOST_THREADS, os.cpu_count() or 1)
    found: list[WrittenFile] = []
    pool = ThreadPoolExecutor(threads, thread_name_prefix="curate-export")
    proofs: deque[Future[None]] = deque()
    try:
        for prepared in _ahead(pool, _batches(actions), placing, threads * AHEAD):
            proofs.append(pool.submit(_prove, prepared, placing))
            found += [_place(one, f"{folder}/{one.action.to}", placing) for one in prepared]
            if len(proofs) > threads * AHEAD:
                proofs.popleft().result()
            if progress:
                progress(len(found), len(actions))
        for proof in proofs:
            proof.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return found


def _batches(actions: Sequence[Action]) -> Iterator[list[Action]]:
    batch: list[Action] = []
    size = 0
    for action in actions:
        batch.append(action)
        size += len(action.text) if isinstance(action, WriteText) else space([action])
        if len(batch) == BATCH_FILES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _ahead(
    pool: ThreadPoolExecutor, batches: Iterator[list[Action]], placing: Placing, most: int
) -> Iterator[list[_Prepared]]:
    """The batches prepared, in order, with at most `most` of them in the making.

    What is only copied is read when its turn comes: handing 10,000 small files from thread to thread costs more time
    than reading them.
    """
    waiting: deque[Callable[[], list[_Prepared]]] = deque()
    for batch in batches:
        if any(_is_encoded(action) for action in batch):
            waiting.append(pool.submit(_prepare_batch, batch, placing).result)
        else:
            waiting.append(partial(_prepare_batch, batch, placing))
        if len(waiting) > most:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()


def _is_encoded(action: Action) -> bool:
    return isinstance(action, PlaceMask) or (isinstance(action, PlacePicture) and not action.as_it_is)


def _prepare_batch(actions: Sequence[Action], placing: Placing) -> list[_Prepared]:
    return [_prepare(action, placing) for action in actions]


def _prepare(action: Action, placing: Placing) -> _Prepared:
    if isinstance(action, WriteText):
        data = action.text.encode("utf-8")
        return _Prepared(action, data, hashlib.sha256(data).hexdigest())
    if isinstance(action, PlaceMask):
        return _made(action, contents.mask(action, placing.source), placing)
    if action.encoding:
        return _made(action, contents.anew(action, action.encoding, placing.source, placing.background), placing)
    if action.stripped:
        return _made(action, contents.stripped(action, placing.source), placing)
    if placing.link or action.size_bytes > BATCH_BYTES:
        return _Prepared(action, None)
    data, times = contents.whole(action, placing.source, placing.path(action.source))
    return _Prepared(action, data, action.digest, times)


def _made(action: PlacePicture | PlaceMask, data: bytes, placing: Placing) -> _Prepared:
    recipe = contents.recipe(action, placing.source, placing.background)
    return _Prepared(action, data, hashlib.sha256(data).hexdigest(), recipe=recipe)


def _place(prepared: _Prepared, target: str, placing: Placing) -> WrittenFile:
    action = prepared.action
    if prepared.data is not None:
        placing.stripped += isinstance(action, PlacePicture) and bool(action.stripped)
        file = os.open(target, _NEW, 0o666)
        try:
            _write_whole(file, prepared.data)
            if prepared.times and _TIMES_BY_FILE:
                os.utime(file, ns=prepared.times)
        finally:
            os.close(file)
        if prepared.times and not _TIMES_BY_FILE:
            os.utime(target, ns=prepared.times)
        size = len(prepared.data)
        return WrittenFile(path=action.to, digest=prepared.digest, size_bytes=size, recipe=prepared.recipe)
    assert isinstance(action, PlacePicture)  # all else is prepared
    if not (placing.link and _linked(action, target, placing)):
        _copied(action, target, placing)
    return WrittenFile(path=action.to, digest=action.digest, size_bytes=action.size_bytes)


def _prove(prepared: Sequence[_Prepared], placing: Placing) -> None:
    """Raises FolderError for a copy or a link of another file than was scanned. While it hashes, others are written.

    Times would not do: they say nothing of a file that was put in another's place with its times.
    """
    for one in prepared:
        action = one.action
        if not isinstance(action, PlacePicture) or not action.as_it_is:
            continue
        if one.data is not None:
            digest = hashlib.sha256(one.data).hexdigest()
        elif placing.link:
            digest = contents.digest_of_source(action.source, placing.source)
        else:  # too large to hold: it is hashed while it is copied
            continue
        if digest != action.digest:
            raise contents.changed(placing.source, action.source)


def _linked(action: PlacePicture, target: str, placing: Placing) -> bool:
    """Whether a link could be made; what the system refuses is noted, and copied instead."""
    if not placing.source.is_local(action.source):
        placing.refused.append("they are no files of this machine")
        return False
    try:
        real = placing.source.whole_path(action.source)
        if placing.link == "sym" or real.is_symlink():  # a hard link to a link would be a link
            real = real.resolve(strict=True)
    except OSError as error:
        raise contents.unreadable(placing.source, action.source, error) from error
    try:
        if placing.link == "hard":
            os.link(real, target)
        else:
            Path(target).symlink_to(real)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise
        placing.refused.append(getattr(error, "strerror", None) or str(error) or "links are not supported")
        return False
    placing.linked += 1
    return True


def _copied(action: PlacePicture, target: str, placing: Placing) -> None:
    """Copies what is too large to hold, or could not be linked, proving it on the way."""
    digest = hashlib.sha256()
    try:
        reader = placing.source.open(action.source)
    except OSError as error:
        raise contents.unreadable(placing.source, action.source, error) from error
    with reader:
        writer = os.open(target, _NEW, 0o666)
        try:
            while chunk := _read(reader, action, placing):
                digest.update(chunk)
                _write_whole(writer, chunk)
        finally:
            os.close(writer)
        times = os.fstat(reader.fileno()) if placing.source.is_local(action.source) else None
    if digest.hexdigest() != action.digest:
        raise contents.changed(placing.source, action.source)
    if times:
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))


def _read(reader: BinaryIO, action: PlacePicture, placing: Placing) -> bytes:
    try:
        return reader.read(CHUNK)
    except OSError as error:
        raise contents.unreadable(placing.source, action.source, error) from error


def _write_whole(file: int, data: bytes) -> None:
    """A write may be short where a disk fills up; the next one then tells."""
    written = os.write(file, data)
    while written < len(data):
        written += os.write(file, memoryview(data)[written:])
