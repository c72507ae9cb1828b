"""--resize-to: pictures that are larger than a training can use are written smaller.

A trainer scales a picture until it covers its bucket, and crops what hangs over. No bucket of a resolution is longer on
its short side than the square of that resolution, so a picture whose short side is a little longer than that, and whose
long side keeps its proportion, is never scaled up afterwards. (An area as large as the square's would not do: a ratio
between two buckets needs more, and squares need the short side whole.) Checked against every trainer's own buckets in
tests/output/test_scaling.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from curate.errors import ExportError
from curate.output.layouts.base import side
from curate.output.records import Encoding, Export, Part, Placed
from curate.records import Facts

STEP = 64  # px: the coarsest multiple that a trainer rounds the sides of buckets to
SPARE = 64  # one part in that many is added, for buckets whose long side was rounded up: at most .4 % was missing in
# 3,000 sizes drawn for each trainer, base model and resolution
_ENCODINGS: Mapping[str, Encoding] = {".jpg": "jpg", ".jpeg": "jpg", ".png": "png", ".webp": "webp"}


def scaled(export: Export, parts: Sequence[Part]) -> list[Part]:
    """The parts with every picture whose short side is longer than asked for set to be scaled down to that.

    Raises ExportError for a size that the training would have to scale up again.
    """
    wanted = export.settings.resize_to
    if wanted is None:
        return list(parts)
    least = _least(export)
    if wanted < least:
        trained = f"{export.values.base} is trained at {least} px: smaller pictures would be scaled up again"
        raise ExportError(f"--resize-to {wanted} is too small: {trained}", f"Give {least} or more")
    short = short_side(wanted)
    return [_in_order(replace(part, pictures=tuple(_scaled(one, short) for one in part.pictures))) for part in parts]


def refuse_tiny(wanted: int | None) -> None:
    """Raises ExportError for a size that no model is trained at."""
    if wanted is not None and wanted < STEP:
        raise ExportError(f"--resize-to {wanted} is smaller than any training", f"Give {STEP} or more")


def written(facts: Facts, wanted: int | None) -> Facts:
    """The facts of a picture as --resize-to `wanted` writes it: those that steps are counted with."""
    if wanted is None:
        return facts
    width, height = smaller((facts.width, facts.height), short_side(wanted))
    return replace(facts, width=width, height=height)


def short_side(wanted: int) -> int:
    """px that the short side keeps where `wanted` is trained: rounded up as buckets are, and the spare part."""
    whole = -(-wanted // STEP) * STEP
    return whole + whole // SPARE


def smaller(size: tuple[int, int], short: int) -> tuple[int, int]:
    """(width, height) in px with a short side of at most `short`, in proportion; the long side is rounded up."""
    width, height = size
    if min(size) <= short:
        return size
    return (short, -(-height * short // width)) if width <= height else (-(-width * short // height), short)


def _least(export: Export) -> int:
    """px: what is trained; for no trainer in particular only what every model can use."""
    if export.settings.trainer == "folder":
        return STEP
    return side(export.values.resolution)


def _scaled(placed: Placed, short: int) -> Placed:
    before = placed.size
    size = smaller(before, short)
    if size == before:
        return placed
    return replace(
        placed,
        encoding=placed.encoding or _ENCODINGS[placed.suffix],
        fixes=(*placed.fixes, f"scaled down from {before[0]}x{before[1]} to {size[0]}x{size[1]} px"),
        resized=size,
        mask=replace(placed.mask, written=size) if placed.mask else None,
    )


def _in_order(part: Part) -> Part:
    return replace(part, pictures=tuple(sorted(part.pictures, key=lambda one: one.file)))
