"""What the trainer does to single pictures that is worth naming."""

from __future__ import annotations

from collections.abc import Sequence

from curate.plan.constants import CROPPED
from curate.plan.records import PlanInputs, Treatment
from curate.trainers import Steps
from curate.trainers.base import Size


def crop_and_scale(size: Size, bucket: Size) -> tuple[float, float]:
    """The share of a picture's area (0-1) that is cut off, and its scale, when it just covers its bucket."""
    scale = max(bucket[0] / size[0], bucket[1] / size[1])
    kept = bucket[0] * bucket[1] / (size[0] * scale * size[1] * scale)
    return max(0.0, 1 - kept), scale


def treatments(inputs: PlanInputs, steps: Steps) -> tuple[Treatment, ...]:
    """Pictures that are refused, dropped, padded, enlarged, or cropped by more than a seventh."""
    names: Sequence[str] = inputs.paths or [f"picture {i + 1}" for i in range(len(inputs.sizes))]
    found = []
    for row, (size, bucket) in enumerate(zip(inputs.sizes, steps.bucket_of_picture, strict=True)):
        cropped, scale = crop_and_scale(size, bucket) if bucket else (0.0, 1.0)
        dropped, padded = steps.dropped.get(row, 0), steps.padded.get(row, 0)
        if bucket is None or cropped > CROPPED or scale > 1 or dropped or padded:
            found.append(
                Treatment(
                    path=names[row],
                    size=size,
                    bucket=bucket,
                    cropped=cropped,
                    scale=scale,
                    dropped=dropped,
                    padded=padded,
                )
            )
    return tuple(found)
