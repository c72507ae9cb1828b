"""The buckets of bghira/SimpleTuner, by its commit bc8e6ab7."""

from __future__ import annotations

from math import floor, sqrt

from curate.errors import TrainerError
from curate.trainers.base import Options, Place, Placer, Size
from curate.trainers.batching import cover, nearest_multiple

NAME = "simpletuner"
DECIMALS = 2  # of a ratio: aspect_bucket_rounding
ALIGNMENT = 64  # px: aspect_bucket_alignment
MOST_MEGAPIXELS = 5  # a minimum_image_size above it is refused for `area`
ROUND_AREAS = {0.25: 512, 0.5: 768, 1.0: 1024, 2.0: 1536, 4.0: 2048}  # megapixels -> side of its square, px
NEAR = 0.05  # megapixels within which an area counts as one of these


def placer(resolution: object, options: Options) -> Placer:
    """The rule that puts a picture in the bucket of its ratio."""
    kind, amount = _resolution(resolution, options["resolution_type"])
    least, least_side = _minimum(options, kind)
    square = (_square_side(kind, amount),) * 2

    def place(size: Size) -> tuple[Place, ...]:
        if size[0] * size[1] < least or min(size) < least_side:
            return ()
        if options["crop"]:
            return (Place(key=1.0, bucket=square, scaled=cover(size, square)),)
        ratio = round(size[0] / size[1], DECIMALS)
        if not ratio:
            raise TrainerError(
                NAME, f"a picture of {size[0]}x{size[1]} px rounds to the ratio 0", "Leave it out, or crop it"
            )
        bucket = _by_area(ratio, amount) if kind == "area" else _by_edge(ratio, int(amount), size)
        key = round(bucket[0] / bucket[1], DECIMALS)
        if key == 1.0:
            bucket = square
        return (Place(key=key, bucket=bucket, scaled=cover(size, bucket), first_fixes=kind == "area"),)

    return place


def _resolution(value: object, kind: object) -> tuple[str, float]:
    """The kind that the trainer works with (pixel or area) and its amount in px or megapixels."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise TrainerError(NAME, f"resolution {value!r} is no single number", "Set one like 1024, or 1.0 for area")
    if kind == "pixel":
        if value != int(value) or value < ALIGNMENT:
            raise TrainerError(
                NAME, f"resolution {value!r} is no side in pixels", "Set one like 1024, or resolution_type area"
            )
        return "pixel", value
    if kind == "area":
        if value > ALIGNMENT:
            raise TrainerError(
                NAME, f"resolution {value!r} megapixels", "Set one like 1.0, or resolution_type pixel_area"
            )
        return "area", float(value)
    if kind == "pixel_area":
        # below one alignment it can only be megapixels, which is how the trainer stores a pixel_area
        return "area", float(value) if value < ALIGNMENT else value * value / 1e6
    raise TrainerError(NAME, f"resolution_type {kind!r}", "Choose one of: pixel, area, pixel_area")


def _aligned(value: float) -> int:
    return max(ALIGNMENT, nearest_multiple(value, ALIGNMENT))


def _square_side(kind: str, amount: float) -> int:
    """Side of the bucket with ratio 1, px: round areas mean the usual squares."""
    if kind == "pixel":
        return int(amount)
    for area, usual in ROUND_AREAS.items():
        if abs(amount - area) < NEAR:
            return usual
    return _aligned(sqrt(amount * 1e6))


def _by_area(ratio: float, megapixels: float) -> Size:
    edge = _aligned(int(sqrt(megapixels * 1e6)))
    return _aligned(edge * sqrt(ratio)), _aligned(edge / sqrt(ratio))


def _by_edge(ratio: float, edge: int, size: Size) -> Size:
    if size[0] < size[1]:
        return _aligned(edge), _aligned(int(edge / ratio))
    return _aligned(int(edge * ratio)), _aligned(edge)


def _minimum(options: Options, kind: str) -> tuple[float, float]:
    """The smallest area (px squared) and the smallest side (px) that are let in."""
    least = options["minimum_image_size"]
    if not least:
        return 0, 0
    if isinstance(least, bool) or not isinstance(least, (int, float)) or least < 0:
        raise TrainerError(NAME, f"minimum_image_size is {least!r}", "Set a number in the unit of resolution_type")
    if kind == "pixel":
        return 0, least
    megapixels = least * least / 1e6 if options["resolution_type"] == "pixel_area" else least
    if megapixels > MOST_MEGAPIXELS:
        raise TrainerError(NAME, f"minimum_image_size is {megapixels:g} megapixels", f"Set at most {MOST_MEGAPIXELS}")
    area = megapixels * 1_000_000
    return area, floor(sqrt(area)) if options["crop"] else 0
