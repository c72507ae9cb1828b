"""Reads the files of a store or an archive, several at once: there most of the time is waiting.

What is held in memory is bounded by THREADS x WHOLE bytes, besides the captions.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from curate.errors import FolderError
from curate.pictures import signatures
from curate.pictures.found import Found, caption_limit
from curate.pictures.source import Source
from curate.pictures.sources import State, joined

WHOLE = 16 << 20  # bytes up to which a file is fetched with one request; beyond it in pieces of that size
LARGEST = 2 << 30  # bytes: beyond it a file cannot be a picture that fits the limit on pixels; 512 megapixels of RGBA
AHEAD = 4  # files that wait for each thread
FEW = 200  # files that are read here even so: other machines take seconds to begin
SHARE = 1_000  # files that another machine is handed at once, at most: some seconds of reading
SHARES = 4  # a worker, where there are files for so many: none waits long for the slowest at the end
OUTAGE = 20  # failures in a row, of the store and not of single files, that end a scan: each may have taken a minute
CHANGED = "changed while it was scanned"


class Elsewhere(Protocol):
    """What runs tasks on other machines: an engine of curate.engine."""

    @property
    def most(self) -> int:
        """How many workers there are."""

    def run(self, task: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """What the task gives of each item, in their order; something else where it could not be had."""


class Digests(Protocol):
    """Remembers the digests of pictures in stores, by what a store tells of their state without reading them."""

    def known_objects(self, states: Mapping[str, str]) -> dict[str, str]:
        """The SHA-256 (hex) of those that were remembered in the state they are in: address -> state, and digest."""

    def remember_object(self, address: str, state: str, digest: str) -> None:
        """Keeps the digest of an object that is a picture by its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What was read of one file."""

    path: str
    state: State
    head: bytes = b""  # its beginning; all of it where it is no picture
    digest: str = ""  # of a picture, SHA-256 hex
    size: int = 0  # bytes, of a picture
    error: OSError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a place is read."""

    source: Source
    digests: Digests | None
    shards: bool = False  # captions are found as archives have them
    captioned: bool = False  # the place itself holds the captions
    engine: Elsewhere | None = None  # whose machines read; None: this process


@dataclass(frozen=True, slots=True)
class _Share:
    """The task of another machine: reads some of the files."""

    what: Reading

    def __call__(self, states: Mapping[str, State]) -> list[_Content]:
        return list(_contents(self.what, list(states), states))


def read_all(
    what: Reading,
    states: Mapping[str, State],
    found: Found,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Puts each of the files where it belongs; `states` as their place lists them. Raises FolderError where the store
    itself fails."""
    known = _known(what, states)
    unknown = [path for path in states if path not in known]
    for path, digest in known.items():
        found.pictures[path] = digest, states[path].size or 0
    failed, good = 0, ""
    for done, content in enumerate(_contents(what, unknown, states), start=len(known) + 1):
        failed = failed + 1 if _is_outage(content.error) else 0
        good = good or ("" if content.error else content.path)
        if failed == OUTAGE:
            failed = _check_outage(what.source, content, good)
        _take(what, content, found)
        if progress:
            progress(done, len(states))


def _known(what: Reading, states: Mapping[str, State]) -> dict[str, str]:
    """The digests of pictures that need not be read again."""
    if what.digests is None:
        return {}
    keys = {_key(what.source, path): path for path, state in states.items() if state.token and state.size is not None}
    found = what.digests.known_objects({key: _told(states[path]) for key, path in keys.items()})
    return {keys[key]: digest for key, digest in found.items()}


def _contents(what: Reading, paths: list[str], states: Mapping[str, State]) -> Iterator[_Content]:
    """What is read of each, in order, some ahead."""
    if what.engine is not None and len(paths) > FEW:
        yield from _elsewhere(what, what.engine, paths, states)
        return
    threads = max((what.source.at(path)[0].threads for path in paths[:1]), default=1)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="curate-read")
    waiting: deque[Future[_Content]] = deque()
    try:
        for path in paths:
            waiting.append(pool.submit(_read, what, path, states[path]))
            if len(waiting) > AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _elsewhere(what: Reading, engine: Elsewhere, paths: list[str], states: Mapping[str, State]) -> Iterator[_Content]:
    """The same, read by other machines."""
    size = max(1, min(SHARE, math.ceil(len(paths) / (SHARES * engine.most))))
    shares = [{path: states[path] for path in paths[at : at + size]} for at in range(0, len(paths), size)]
    task = _Share(replace(what, digests=None, engine=None))
    for share, contents in zip(shares, engine.run(task, shares), strict=True):
        if isinstance(contents, list):
            yield from contents
        else:  # its machines died of it again and again
            yield from task(share)


def _read(what: Reading, path: str, state: State) -> _Content:
    files, name = what.source.at(path)
    try:
        if state.size is None and not state.token:  # its place lists no states
            state = files.state(name)
            key = _key(what.source, path)
            known = what.digests.known_objects({key: _told(state)}) if what.digests and state.token else {}
            if key in known:
                return _Content(path=path, state=state, digest=known[key], size=state.size or 0)
        pictured = signatures.suffix_of(path) in signatures.PICTURE_SUFFIXES
        first = WHOLE if pictured else max(signatures.HEAD, caption_limit(path, shards=what.shards) + 1)
        small = state.size is not None and state.size <= first
        head = files.read(name) if small else files.read(name, 0, first)
        if signatures.left_out_as(path, head[: signatures.HEAD]) is not None:
            return _Content(path=path, state=state, head=head)
        digest, size = hashlib.sha256(head), len(head)
        while not small and size <= LARGEST and (piece := files.read(name, size, WHOLE)):
            digest.update(piece)
            size += len(piece)
        if not small and state.token and files.state(name) != state:  # pieces of two contents make none
            raise OSError(CHANGED)
        return _Content(path=path, state=state, digest=digest.hexdigest(), size=size)
    except OSError as error:
        return _Content(path=path, state=state, error=error)


def _take(what: Reading, content: _Content, found: Found) -> None:
    path, state = content.path, content.state
    if content.error is not None:
        changed = str(content.error) == CHANGED
        found.set_broken(path, CHANGED if changed else what.source.why_unreadable(path, content.error))
    elif not content.digest:
        broken, reason = signatures.left_out_as(path, content.head[: signatures.HEAD]) or (False, "")
        if broken:
            found.set_broken(path, reason)
        elif what.captioned and caption_limit(path, shards=what.shards):
            found.ignore(path, "captions come from the table")
        else:
            rest = io.BytesIO(content.head[signatures.HEAD :])
            found.take_text(path, reason, content.head[: signatures.HEAD], rest.read, shards=what.shards)
    elif content.size > LARGEST:
        found.set_broken(path, f"larger than {LARGEST >> 30} GiB")
    elif state.size is not None and content.size != state.size:
        found.set_broken(path, CHANGED)
    else:
        found.pictures[path] = content.digest, content.size
        if what.digests and state.token and state.size is not None:
            what.digests.remember_object(_key(what.source, path), _told(state), content.digest)


def _is_outage(error: OSError | None) -> bool:
    """Whether it says nothing of the one file."""
    return error is not None and not isinstance(error, (FileNotFoundError, IsADirectoryError)) and str(error) != CHANGED


def _check_outage(source: Source, last: _Content, good: str) -> int:
    """Raises FolderError where what could be read before cannot be read any more; else 0: single files are at fault."""
    error = last.error
    assert error is not None
    try:
        if good:
            files, name = source.at(good)
            files.read(name, 0, 1)
        if good or isinstance(error, PermissionError):
            return 0
    except OSError as again:
        error = again
    raise FolderError(
        source.folder,
        f"{OUTAGE} files in a row could not be read, the last {last.path}: {source.why_unreadable(last.path, error)}",
        "Check the network and the store's credentials; the digests of what was read are kept",
    ) from error


def _key(source: Source, path: str) -> str:
    files, name = source.at(path)
    return joined(files.place, name)


def _told(state: State) -> str:
    return f"{state.size} {state.token}"
