"""The small pictures of a report, made so that the whole page stays below 15 MB, and kept for the next one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from curate.errors import BrokenPicture
from curate.pages.report.material import Thumbnail
from curate.pages.shelf import GRID, Shelf

if TYPE_CHECKING:
    from curate.pictures import Source
    from curate.records import Analysis

PICTURES_BYTES = 8_410_000  # of all thumbnails: 11.2 MB as base64; 1,000 long names and captions take 3 MB more
MOST_BYTES = 40_000  # of one: a photograph of 560 px
STEP = 2**0.25  # from one size that is made to the next: a set that grows by a few pictures keeps its thumbnails
LONG_SIDE = 640  # px: a keeper shown at 320 px on a screen of double density
MOST_PICTURES = 4000  # beyond it thumbnails would shrink below what can be recognised (2.1 kB, about 130 px)
WITHIN_GRID = 10_000  # bytes up to which a thumbnail is no larger than the review page's previews: 300 px at 4:3

Wanted = tuple[str, str]  # digest, path


def thumbnails(
    analysis: Analysis,
    source: Source,
    shelf: Shelf | None = None,
    background: tuple[int, int, int] = (255, 255, 255),
    progress: Callable[[int, int], None] | None = None,
    workers: int = 0,
) -> dict[str, Thumbnail]:
    """A thumbnail of each picture that can still be read, by its digest. `progress` is given (done, all).

    `shelf`: where they are kept. `background`: RGB 0-255 behind transparent pixels. `workers`: threads; 0 for one a
    core.
    """
    pictures = analysis.catalog.pictures
    wanted = [(pictures[row].digest, pictures[row].path) for row in chosen(analysis)]
    return drawn_small(wanted, source, shelf, background, progress, workers=workers)


def drawn_small(
    wanted: Sequence[Wanted],
    source: Source,
    shelf: Shelf | None = None,
    background: tuple[int, int, int] = (255, 255, 255),
    progress: Callable[[int, int], None] | None = None,
    *,
    besides: int = 0,
    workers: int = 0,
) -> dict[str, Thumbnail]:
    """The same for any pictures. `besides`: how many more the page will hold."""
    kept, most = shelf or Shelf(None), bytes_each(len(wanted) + besides)

    def made(one: Wanted) -> Thumbnail | None:
        try:
            return _small(one, source, kept, most, background)
        except (OSError, ValueError, KeyError, BrokenPicture):  # vanished or changed since the scan: the page says so
            return None

    found: dict[str, Thumbnail] = {}
    with ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1) as pool:
        for done, ((digest, _), small) in enumerate(zip(wanted, pool.map(made, wanted), strict=True), start=1):
            if small is not None:
                found[digest] = small
            if progress:
                progress(done, len(wanted))
    return found


def _small(wanted: Wanted, source: Source, shelf: Shelf, most: int, background: tuple[int, int, int]) -> Thumbnail:
    """One thumbnail: from the shelf, else from the review page's preview, else from the picture itself."""
    from curate import pictures

    digest, path = wanted
    name = f"most{most}"
    held = shelf.get(digest, name, "webp")
    size = held and pictures.thumbnail_size(held)
    if held and size:
        return Thumbnail(webp=held, width=size[0], height=size[1])
    preview = shelf.get(digest, str(GRID), "jpg") if most <= WITHIN_GRID else None
    data = preview or source.read(path)
    if not preview and hashlib.sha256(data).hexdigest() != digest:
        raise BrokenPicture("changed since it was scanned")
    small, (width, height) = pictures.thumbnail(data, side=LONG_SIDE, most_bytes=most, background=background)
    shelf.put(digest, name, "webp", small)
    return Thumbnail(webp=small, width=width, height=height)


def bytes_each(count: int) -> int:
    """How large a thumbnail may be where there are `count` of them, in steps."""
    room, size = PICTURES_BYTES / max(count, 1), float(MOST_BYTES)
    while size > room:
        size /= STEP
    return int(size)


def chosen(analysis: Analysis) -> list[int]:
    """Rows whose thumbnails are made: one for each content; of more than MOST_PICTURES those that sections show, then
    those that weigh most."""
    groups = (row for group in analysis.groups for row in (group.keeper, *(member.row for member in group.members)))
    found = (row for row, checks in enumerate(analysis.checks) if any(check.finding for check in checks.values()))
    weights = analysis.diversity.weights
    rest = sorted(range(len(weights)), key=lambda row: (-float(weights[row]), analysis.catalog.pictures[row].digest))
    return _first_of_each(analysis, (*groups, *found, *rest))[:MOST_PICTURES]


def _first_of_each(analysis: Analysis, rows: Iterable[int]) -> list[int]:
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(analysis.catalog.pictures[row].digest, row)
    return list(first.values())
