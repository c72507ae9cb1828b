"""Thumbnails and screen-sized pictures: made once, kept by digest in the cache folder, never the file itself."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from curate.errors import BrokenPicture
from curate.pictures import Source, preview

SIDES = {"thumb": 320, "screen": 1600, "full": 6000}
# px, long side. thumb: a grid's cell at twice the pixel density; screen: fills a 1920 px window beside the panels;
# full: for looking at single pixels, bounded so that one request cannot take gigabytes
KEPT = "thumb"  # the only size that is worth disk space: a screen picture is made in about 40 ms
MEMORY = 128 * 2**20  # bytes of previews held: about 300 screen pictures and all that lies beside them
FOLDER = "thumbnails-1"  # 1: version of how they are made


class Previews:
    """JPEG previews of the set's pictures. Safe to use from several threads."""

    def __init__(
        self,
        source: Source,
        paths: Mapping[str, str],
        *,
        cache: Path | None = None,
        background: tuple[int, int, int] = (255, 255, 255),
    ) -> None:
        """`paths`: digest -> path below the source. `cache`: a folder of curate's; None: thumbnails stay in memory."""
        self._source, self._paths, self._background = source, paths, background
        self._folder = None if cache is None else cache / FOLDER
        self._held: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._room = MEMORY
        self._lock = threading.Lock()
        self._cores = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))  # pictures decoded at once

    def get(self, size: str, digest: str) -> bytes:
        """A JPEG file. Raises KeyError for a size or digest that there is none of, OSError for a file that is gone,
        BrokenPicture for one that was changed or damaged since the scan."""
        side, path = SIDES[size], self._paths[digest]
        held = self._look(size, digest)
        if held is not None:
            return held
        with self._cores:
            held = self._look(size, digest)
            if held is not None:
                return held
            data = self._source.read(path)
            if hashlib.sha256(data).hexdigest() != digest:
                raise BrokenPicture("changed since it was scanned")
            made = preview(data, side=side, background=self._background)
        self._keep(size, digest, made)
        return made

    def _look(self, size: str, digest: str) -> bytes | None:
        with self._lock:
            if (size, digest) in self._held:
                self._held.move_to_end((size, digest))
                return self._held[size, digest]
        if self._folder is None or size != KEPT:
            return None
        try:
            found = self._file(digest).read_bytes()
        except OSError:
            return None
        self._hold(size, digest, found)
        return found

    def _keep(self, size: str, digest: str, made: bytes) -> None:
        self._hold(size, digest, made)
        if self._folder is None or size != KEPT:
            return
        file = self._file(digest)
        with suppress(OSError):  # a full disk or a read-only cache costs time, nothing else
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(f".{secrets.token_hex(4)}.partial")
            try:
                partial.write_bytes(made)
                partial.replace(file)
            except OSError:
                partial.unlink(missing_ok=True)
                raise

    def _hold(self, size: str, digest: str, made: bytes) -> None:
        with self._lock:
            before = self._held.pop((size, digest), b"")
            self._held[size, digest] = made
            self._room += len(before) - len(made)
            while self._room < 0 and len(self._held) > 1:
                self._room += len(self._held.popitem(last=False)[1])

    def _file(self, digest: str) -> Path:
        assert self._folder is not None
        shown = bytes(self._background).hex()  # transparent pictures look otherwise on another background
        return self._folder / digest[:2] / f"{digest}-{SIDES[KEPT]}-{shown}.jpg"
