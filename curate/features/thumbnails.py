"""Small pictures for the alignment: held in memory as far as the settings allow, else read and decoded again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from curate.errors import BrokenPicture, FolderError
from curate.features import shrink
from curate.features.held import Held
from curate.pictures import Source, decode
from curate.records import Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

LONG_SIDE = 512  # px: enough for local features; a picture of 2:3 is 175 kB grey


class Thumbnails:
    """Pictures by row of the catalog, long side at most LONG_SIDE px. Safe to use from several threads."""

    def __init__(self, source: Source, background: tuple[int, int, int], memory_bytes: int) -> None:
        self.pictures: Sequence[Picture] = ()
        self._source, self._background = source, background
        self._grey: Held[str, Pixels] = Held(memory_bytes, lambda grey: grey.nbytes)  # by digest

    def grey(self, row: int) -> Pixels:
        """uint8 [h, w]. Raises FolderError for a file that is gone or broken since it was measured."""
        return self._grey.once(self.pictures[row].digest, lambda: shrink.fit(shrink.grey(self._decode(row)), LONG_SIDE))

    def rgb(self, row: int) -> Pixels:
        """uint8 [h, w, 3], read and decoded each time. Raises FolderError likewise."""
        return shrink.fit(self._decode(row), LONG_SIDE)

    def add(self, digest: str, grey: Pixels) -> None:
        """Holds a small copy of a picture, uint8 [H, W], that was decoded for other ends."""
        self._grey.put(digest, shrink.fit(grey, LONG_SIDE))

    def forget(self) -> None:
        """Holds none any more: whoever asks again waits until it is read."""
        self._grey.clear()

    def _decode(self, row: int) -> Pixels:
        path = self.pictures[row].path
        try:
            return decode(self._source.read(path), background=self._background).rgb
        except (OSError, BrokenPicture) as error:
            problem = error.reason if isinstance(error, BrokenPicture) else self._source.why_unreadable(path, error)
            raise FolderError(path, f"changed while it was scanned: {problem}", "Scan again") from error
