"""Thumbnails and screen-sized pictures: made once, kept by digest in the cache folder, never the file itself."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from curate.errors import BrokenPicture
from curate.pages.shelf import GRID, Shelf
from curate.pictures import Source, preview

SIDES = {"thumb": GRID, "screen": 1600, "full": 6000}
# px, long side. thumb: a grid's cell at twice the pixel density; screen: fills a 1920 px window beside the panels;
# full: for looking at single pixels, bounded so that one request cannot take gigabytes
KEPT = "thumb"  # the only size that is worth disk space: a screen picture is made in about 40 ms
MEMORY = 128 * 2**20  # bytes of previews held: about 300 screen pictures and all that lies beside them
REST = 0.05  # s between two looks whether somebody waits


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
        self._shelf, self._keeps = Shelf(cache, background), cache is not None
        self._held: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._room = MEMORY
        self._lock = threading.Lock()
        self._asked = 0  # pictures that somebody waits for
        self._cores = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))  # pictures decoded at once

    def get(self, size: str, digest: str) -> bytes:
        """A JPEG file. Raises KeyError for a size or digest that there is none of, OSError for a file that is gone,
        BrokenPicture for one that was changed or damaged since the scan."""
        with self._lock:
            self._asked += 1
        try:
            return self._get(size, digest)
        finally:
            with self._lock:
                self._asked -= 1

    def make_ahead(self, ended: threading.Event) -> None:
        """Makes the thumbnails that are not kept yet, one after the other while nobody waits for a picture; until all
        are there or `ended`. Nothing where none are kept."""
        for digest in self._paths if self._keeps else ():
            while self._asked and not ended.is_set():
                ended.wait(REST)
            if ended.is_set():
                return
            if self._shelf.get(digest, str(SIDES[KEPT]), "jpg") is None:
                with suppress(OSError, BrokenPicture):  # whoever asks for it is told
                    self._get(KEPT, digest)

    def _get(self, size: str, digest: str) -> bytes:
        side, path = SIDES[size], self._paths[digest]
        held = self._look(size, digest)
        if held is not None:
            return held
        with self._cores:
            held = self._look(size, digest)
            if held is not None:
                return held
            if not stat.S_ISREG(self._source.stat(path).st_mode):  # a pipe in its place would be waited for
                raise BrokenPicture("no file any more")
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
        found = self._shelf.get(digest, str(SIDES[KEPT]), "jpg") if size == KEPT else None
        if found is not None:
            self._hold(size, digest, found)
        return found

    def _keep(self, size: str, digest: str, made: bytes) -> None:
        self._hold(size, digest, made)
        if size == KEPT:
            self._shelf.put(digest, str(SIDES[KEPT]), "jpg", made)

    def _hold(self, size: str, digest: str, made: bytes) -> None:
        with self._lock:
            before = self._held.pop((size, digest), b"")
            self._held[size, digest] = made
            self._room += len(before) - len(made)
            while self._room < 0 and len(self._held) > 1:
                self._room += len(self._held.popitem(last=False)[1])
