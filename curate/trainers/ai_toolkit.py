"""ostris/ai-toolkit: buckets, padding and steps. Read in, and run from, commit 27a03a91."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import ceil, floor, sqrt
from typing import Literal

from curate.trainers.base import (
    DataSet,
    Epoch,
    Fields,
    Laid,
    Notes,
    Options,
    Part,
    Place,
    Placer,
    Run,
    Save,
    Size,
    Subset,
    Total,
)
from curate.trainers.bases import Base
from curate.trainers.batching import by_subset, ceil_div, epoch_of, filled, pad_short, repeated, side, whole_px

NAME = "ai-toolkit"
DEFAULT_STEPS = 1000  # optimizer steps: train.steps
OPTIONS: Options = {"bucket_divisibility": 16, "flip_x": False, "flip_y": False}  # px


class AiToolkit:
    """Counts steps only; a short batch is filled with duplicates of its own pictures."""

    name = NAME
    title = "ai-toolkit"
    source = "ostris/ai-toolkit 27a03a91"
    options = OPTIONS
    fields = Fields(
        repeats="num_repeats",
        epochs="",
        steps="train.steps",
        batch_size="train.batch_size",
        accumulation="train.gradient_accumulation",
        save_every="save.save_every",
    )
    notes = Notes(
        exif="The EXIF orientation is applied.",
        alpha="Transparency is dropped, so hidden colours show. curate export flattens them.",
        captions="A picture without a caption trains with the default caption, or an empty one.",
        traps=(
            "Unknown keys of the config are ignored without a word.",
            "gradient_accumulation_steps (the old key) counts micro-steps: use gradient_accumulation.",
            "Cache files are written into the picture folder: train from an exported copy.",
        ),
        random_crop="random_crop: true",
        regularisation="Every second step is one of regularisation: yours get half the steps.",
    )
    whole_repeats = True
    budget: Literal["epochs", "steps"] = "steps"

    def curate_options(self, resolution: int, base: Base) -> Options:
        return {"bucket_divisibility": base.divisor, "flip_x": False, "flip_y": False}

    def parts(self, run: Run) -> tuple[tuple[tuple[DataSet, Subset], ...], ...]:
        """Each data set of the config has buckets of its own."""
        return by_subset(run)

    def placer(self, data_set: DataSet) -> Placer:
        step = whole_px(NAME, "bucket_divisibility", {**self.options, **data_set.options})
        resolution = side(data_set.resolution, NAME)

        def place(size: Size) -> tuple[Place, ...]:
            bucket = fitted(size, resolution, step)
            scale = max(bucket[0] / size[0], bucket[1] / size[1])
            scaled = max(bucket[0], ceil(size[0] * scale)), max(bucket[1], ceil(size[1] * scale))
            return (Place(key=bucket, bucket=bucket, scaled=scaled),)

        return place

    def epoch(self, laid: Laid, scale: int = 1) -> Epoch:
        """With regularisation every second step is one of its batches, however many pictures it has."""
        buckets = list(filled(laid, scale, pad_short, flipped))
        if not any(part.subset.regularisation for pool in laid.pools for part in pool.parts):
            batches = sum(b.batches for b in buckets)
            return epoch_of(buckets, batches, ceil_div(batches, laid.run.processes))
        own = [b for b in buckets if not b.regularisation]
        batches = 2 * sum(b.batches for b in own)
        samples = 2 * sum(b.entries + b.padded for b in own)
        return Epoch(
            buckets=tuple(own),
            batches=batches,
            per_process=ceil_div(batches, laid.run.processes),
            samples=samples,
            regularisation=samples // 2,
        )

    def checkpoint(self, name: str, save: Save) -> str:
        return f"{name}.safetensors" if save.ended else f"{name}_{save.step:09d}.safetensors"

    def total(self, run: Run, epoch: Epoch) -> Total:
        """`train.steps` is the only budget; epochs are turned into the steps that finish them."""
        if not epoch.batches:
            return Total(steps=0, epochs=0, steps_per_epoch=0)
        per_epoch = epoch.per_process / run.gradient_accumulation
        said: tuple[str, ...] = ()
        if run.max_train_steps is not None:
            steps = run.max_train_steps
        elif run.epochs is not None:
            steps = ceil_div(run.epochs * epoch.per_process, run.gradient_accumulation)
        else:
            steps = DEFAULT_STEPS
            said = (f"No steps are set: ai-toolkit runs {DEFAULT_STEPS}.",)
        return Total(
            steps=steps,
            epochs=ceil_div(steps * run.gradient_accumulation, epoch.per_process),
            steps_per_epoch=int(per_epoch) if per_epoch == int(per_epoch) else per_epoch,
            warnings=said,
        )

    def warnings(self, laid: Laid, epoch: Epoch) -> tuple[str, ...]:
        padded = sum(b.padded for b in epoch.buckets)
        if padded:
            return (f"Short batches are filled with duplicates: {padded} extra samples an epoch.",)
        return ()


TRAINER = AiToolkit()


def fitted(size: Size, resolution: int, step: int) -> Size:
    """The bucket (px) of a picture: its own shape in steps, no larger than the resolution's area and never enlarged."""
    most = resolution * resolution
    target = min(size[0] * size[1], most)
    scale = sqrt(target / (size[0] * size[1]))
    wide, high = size[0] * scale / step, size[1] * scale / step
    corners = ((w, h) for w in (floor(wide), ceil(wide)) for h in (floor(high), ceil(high)))
    choices = [(w * step, h * step) for w, h in corners if 0 < w * h * step**2 <= most]
    if not choices:
        return max(step, floor(wide) * step), max(step, floor(high) * step)
    return min(choices, key=lambda bucket: abs(bucket[0] * bucket[1] - target))


def flipped(part: Part, scale: int) -> Mapping[Hashable, int]:
    """Entries of a data set: each flip axis adds a mirrored copy of all of them."""
    options = {**TRAINER.options, **part.data_set.options}
    times = 2 ** (bool(options["flip_x"]) + bool(options["flip_y"]))
    return {key: n * times for key, n in repeated(part, scale).items()}
