"""The buckets of kohya-ss/sd-scripts, by its commit 48d368fa."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

from curate.errors import TrainerError
from curate.trainers.base import Options, Place, Placer, Size
from curate.trainers.batching import Ladder, ceil_div, whole_px

NAME = "kohya"


@lru_cache(maxsize=64)
def make_bucket_resolutions(resolution: Size, low: int, high: int, step: int) -> tuple[Size, ...]:
    """The bucket sizes (px) that sd-scripts makes for a resolution, sorted: areas up to it, sides from low to high."""
    area = resolution[0] * resolution[1]
    even = int(sqrt(area)) // step * step
    found = {(even, even)}
    for width in range(low, high + 1, step):
        height = min(high, area // width // step * step)
        if height >= low:
            found |= {(width, height), (height, width)}
    return tuple(sorted(found))


def by_shape(listed: tuple[Size, ...]) -> Placer:
    """The listed bucket of this very size, else the first of those with the nearest width / height."""
    ladder = Ladder(listed, [w / h for w, h in listed])
    exact = frozenset(listed)

    def place(size: Size) -> tuple[Place, ...]:
        ratio = size[0] / size[1]
        bucket = size if size in exact else ladder.nearest(ratio)
        scale = bucket[1] / size[1] if ratio > bucket[0] / bucket[1] else bucket[0] / size[0]
        scaled = int(size[0] * scale + 0.5), int(size[1] * scale + 0.5)
        return (Place(key=bucket, bucket=bucket, scaled=scaled),)

    return place


def shrunk(size: Size, area: int, step: int) -> tuple[Place, ...]:
    """The bucket with `bucket_no_upscale`: the picture shrunk to `area` if larger, its sides cut to the step."""

    def whole(x: float) -> int:
        return int(x + 0.5) // step * step

    scaled = size
    if size[0] * size[1] > area:
        ratio = size[0] / size[1]
        width = sqrt(area * ratio)
        wide, high = whole(width), whole(area / width)
        if not wide or not high or not whole(wide / ratio):
            raise _too_narrow(size, step)
        by_width = abs(wide / whole(wide / ratio) - ratio)
        by_height = abs(whole(high * ratio) / high - ratio)
        scaled = (wide, int(wide / ratio + 0.5)) if by_width < by_height else (int(high * ratio + 0.5), high)
    bucket = scaled[0] // step * step, scaled[1] // step * step
    if not bucket[0] or not bucket[1]:
        raise _too_narrow(size, step)
    return (Place(key=bucket, bucket=bucket, scaled=scaled),)


def _too_narrow(size: Size, step: int) -> TrainerError:
    return TrainerError(
        NAME,
        f"a picture of {size[0]}x{size[1]} px has a side under bucket_reso_steps {step}: bucket_no_upscale makes an "
        "empty bucket of it and stops",
        "Leave the picture out, or turn bucket_no_upscale off",
    )


def limits(wanted: Size, options: Options) -> tuple[int, int, int]:
    """The smallest and largest side of a bucket, and the step whose multiples they are."""
    step = whole_px(NAME, "bucket_reso_steps", options)
    low = whole_px(NAME, "min_bucket_reso", options) // step * step
    high = ceil_div(whole_px(NAME, "max_bucket_reso", options), step) * step
    if not low:
        raise TrainerError(
            NAME,
            f"min_bucket_reso {options['min_bucket_reso']} is below bucket_reso_steps {step}: it counts as 0 and stops "
            "the trainer",
            f"Set min_bucket_reso to {step} or more",
        )
    if min(wanted) < low:
        raise TrainerError(
            NAME, f"resolution {min(wanted)} is below min_bucket_reso {low}", f"Set min_bucket_reso to {min(wanted)}"
        )
    if max(wanted) > high:
        raise TrainerError(
            NAME,
            f"resolution {max(wanted)} is above max_bucket_reso {high}",
            f"Set max_bucket_reso to {2 * max(wanted)}",
        )
    return low, high, step
