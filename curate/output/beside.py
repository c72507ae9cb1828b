"""The digests of a source's files that are no pictures of the set: captions, masks, and what is broken or ignored."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator

from curate.output import contents
from curate.output.records import Draft
from curate.pictures import Source


def digests(draft: Draft, source: Source) -> dict[str, str]:
    """SHA-256 by path: of captions as the scan read them. A file that vanished, or is no file at all, has none."""
    moved = draft.export.moved
    known = {one.picture.caption_path: one.picture.caption_digest for one in draft.export.items}
    found = {path: digest for path, digest in known.items() if path and digest}
    for path in _others(draft, source):
        if path not in found and (digest := _digest(moved.get(path, path), source)):
            found[path] = digest
    return found


def _others(draft: Draft, source: Source) -> Iterator[str]:
    """What is left out is read where that costs little: a store may hold hours of video beside its pictures."""
    beside = {path for one in draft.export.items for path in (one.picture.caption_path, one.picture.mask_path) if path}
    yield from sorted(beside)
    yield from (left.path for left in draft.left_out if not left.digest and _is_here(left.path, source))


def _digest(path: str, source: Source) -> str:
    """In pieces, since what is broken may be large; "" for a pipe, which would be waited for."""
    if not source.is_local(path):
        return _digest_in_store(path, source)
    found = hashlib.sha256()
    try:
        file = os.open(source.whole_path(path), os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return ""
            while part := os.read(file, contents.CHUNK):
                found.update(part)
        finally:
            os.close(file)
    except OSError:
        return ""
    return found.hexdigest()


def _is_here(path: str, source: Source) -> bool:
    try:
        return source.is_local(path)
    except ValueError:  # a name in an archive or a table that leads out of it
        return False


def _digest_in_store(path: str, source: Source) -> str:
    try:
        return source.digest(path)
    except OSError:
        return ""
