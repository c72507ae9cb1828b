"""What is done with one picture's file: it is read, decoded once, and all that needs its pixels is measured.

This runs in child processes, so it takes and gives what is small: a path, and numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from sys import intern
from typing import TYPE_CHECKING, Protocol

from curate.engine import is_worker
from curate.errors import BrokenPicture
from curate.features import checks, hashes, shrink
from curate.features.thumbnails import LONG_SIDE
from curate.pictures import Decoded, Source, decode, glance
from curate.records import Facts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


GLANCE_SIDE = 128  # px of a JPEG that hashes need, as they average a larger picture to that first: of 100 pictures of
# 1024 px 79 kept all of 64 bits, 20 of the others 62


class Eyes(Protocol):
    """What sees faces and bodies in a decoded picture; called from several threads."""

    def measure(self, rgb: Pixels) -> dict[str, float]:
        """Raw numbers of a picture, uint8 RGB [H, W, 3], by name."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the decoded picture gave, besides its embedding and its view."""

    facts: Facts
    hashes: NDArray[np.uint64]  # [8]
    checks: dict[str, float]

    def lean(self) -> Seen:
        """The same, whose checks share their names with all others: in what was unpickled each has a copy, 1 kB."""
        return replace(self, checks={intern(name): value for name, value in self.checks.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A picture, and what is not known of it yet."""

    path: str
    digest: str
    is_new: bool  # False: only its view is wanted
    view: bool
    data: bytes | None = None  # the file's content, where it was read ahead from a store


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """What one decode gave."""

    digest: str
    broken: str = ""  # why it could not be decoded; all else is absent then
    seen: Seen | None = None
    square: Pixels | None = None  # for the embedder [side, side, 3]
    thumbnail: Pixels | None = None  # grey [h, w]
    sighting: dict[str, float] | None = None  # raw numbers of faces and bodies


@dataclass(slots=True, kw_only=True)
class Look:
    """The task of a child process."""

    source: Source
    background: tuple[int, int, int]
    most_pixels: int
    prepare: Callable[[Pixels], Pixels]  # makes the embedder's square
    eyes: Eyes | None  # None: no views
    hashes_only: bool = False  # for proposals of copies: no checks, no square worth embedding
    _is_ready: bool = field(default=False, init=False)

    def __call__(self, wanted: Wanted) -> Glimpse:
        if not self._is_ready:
            shrink.keep_to_one_core()
            self._is_ready = True
        try:
            if self.hashes_only:
                return self._glance(wanted)
            data = self._read(wanted)
            decoded = decode(data, background=self.background, most_pixels=self.most_pixels, quick=is_worker())
        except BrokenPicture as error:
            return Glimpse(digest=wanted.digest, broken=error.reason)
        sighting = self.eyes.measure(decoded.rgb) if self.eyes is not None and wanted.view else None
        if not wanted.is_new:
            return Glimpse(digest=wanted.digest, sighting=sighting)
        return self._whole(wanted, decoded, sighting)

    def _glance(self, wanted: Wanted) -> Glimpse:
        small = glance(self._read(wanted), side=GLANCE_SIDE, background=self.background, most_pixels=self.most_pixels)
        facts = replace(small.facts, pixel_digest=f"file {wanted.digest}")  # equal bytes are equal pixels
        seen = Seen(facts, hashes.eight(small.grey), {})
        return Glimpse(digest=wanted.digest, seen=seen, square=self.prepare(small.grey))

    def _whole(self, wanted: Wanted, decoded: Decoded, sighting: dict[str, float] | None) -> Glimpse:
        view = checks.view(decoded.rgb)
        values = {name: value for check in checks.CHECKS for name, value in check.measure(view).items()}
        return Glimpse(
            digest=wanted.digest,
            seen=Seen(decoded.facts, hashes.eight(view.small), values),
            square=self.prepare(decoded.rgb),
            thumbnail=shrink.fit(view.small, LONG_SIDE),
            sighting=sighting,
        )

    def _read(self, wanted: Wanted) -> bytes:
        try:
            data = self.source.read(wanted.path) if wanted.data is None else wanted.data
        except OSError as error:
            raise BrokenPicture(self.source.why_unreadable(wanted.path, error)) from error
        if hashlib.sha256(data).hexdigest() != wanted.digest:  # else another picture's numbers would be remembered
            raise BrokenPicture("changed while it was scanned")
        return data
