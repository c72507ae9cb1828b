"""The small pictures of a report, made so that the whole page stays below 15 MB."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from curate.errors import BrokenPicture
from curate.pages.report.material import Thumbnail

if TYPE_CHECKING:
    from curate.pictures import Source
    from curate.records import Analysis

PICTURES_BYTES = 8_400_000  # of all thumbnails: 11.2 MB as base64; 1,000 long names and captions take 3 MB more
MOST_BYTES = 40_000  # of one: a photograph of 560 px
LONG_SIDE = 640  # px: a keeper shown at 320 px on a screen of double density
MOST_PICTURES = 4000  # beyond it thumbnails would shrink below what can be recognised (2.1 kB, about 130 px)


def thumbnails(
    analysis: Analysis,
    source: Source,
    background: tuple[int, int, int] = (255, 255, 255),
    progress: Callable[[int, int], None] | None = None,
    workers: int = 0,
) -> dict[str, Thumbnail]:
    """A thumbnail of each picture that can still be read, by its digest. `progress` is given (done, all).

    `background`: RGB 0-255 behind transparent pixels. `workers`: threads; 0 for one a core.
    """
    from curate import pictures

    wanted = chosen(analysis)
    most = bytes_each(len(wanted))

    def made(row: int) -> Thumbnail | None:
        try:
            data = source.read(analysis.catalog.pictures[row].path)
            small, (width, height) = pictures.thumbnail(data, side=LONG_SIDE, most_bytes=most, background=background)
        except (OSError, ValueError, BrokenPicture):  # vanished or changed since the scan: the page says so
            return None
        return Thumbnail(webp=small, width=width, height=height)

    found: dict[str, Thumbnail] = {}
    with ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1) as pool:
        for done, (row, one) in enumerate(zip(wanted, pool.map(made, wanted), strict=True), start=1):
            if one is not None:
                found[analysis.catalog.pictures[row].digest] = one
            if progress:
                progress(done, len(wanted))
    return found


def bytes_each(count: int) -> int:
    """How large a thumbnail may be where there are `count` of them."""
    return min(MOST_BYTES, PICTURES_BYTES // max(count, 1))


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
