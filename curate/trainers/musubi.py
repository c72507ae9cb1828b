"""kohya-ss/musubi-tuner: buckets and steps. Read in, and run from, commit 30c658c4."""

from __future__ import annotations

from math import sqrt
from typing import Literal

from curate.errors import TrainerError
from curate.trainers.base import (
    DataSet,
    Epoch,
    Fields,
    Laid,
    Notes,
    Options,
    Place,
    Placer,
    Run,
    Save,
    Size,
    Subset,
    Total,
)
from curate.trainers.bases import Base
from curate.trainers.batching import (
    Ladder,
    by_subset,
    ceil_div,
    cover,
    epoch_of,
    epochs_or_steps,
    filled,
    keep_short,
    sd_scripts_file,
    square,
    whole_px,
)

NAME = "musubi"
DEFAULT_STEPS = 1600  # optimizer steps: --max_train_steps
OPTIONS: Options = {"enable_bucket": False, "bucket_no_upscale": False, "bucket_reso_steps": 16}  # px, by model


class Musubi:
    """Like sd-scripts with finer buckets, no regularisation, and buckets of its own for every data set."""

    name = NAME
    title = "musubi-tuner"
    source = "kohya-ss/musubi-tuner 30c658c4"
    options = OPTIONS
    fields = Fields(
        repeats="num_repeats",
        epochs="max_train_epochs",
        steps="max_train_steps",
        batch_size="batch_size",
        accumulation="gradient_accumulation_steps",
        save_every="save_every_n_epochs",
        save_every_steps="save_every_n_steps",
    )
    notes = Notes(
        exif="The EXIF orientation is ignored: pictures that rely on it train lying down. curate export turns them.",
        alpha="Transparency is dropped, so hidden colours show. curate export flattens them.",
        captions="A picture without a caption file is left out.",
        traps=(
            f"With neither epochs nor steps it trains {DEFAULT_STEPS} steps without a word.",
            "Training reads the cache alone: a deleted picture lives on in it. Use a fresh folder.",
        ),
    )
    whole_repeats = True
    budget: Literal["epochs", "steps"] = "epochs"

    def curate_options(self, resolution: int, base: Base) -> Options:
        return {**self.options, "enable_bucket": True}

    def parts(self, run: Run) -> tuple[tuple[tuple[DataSet, Subset], ...], ...]:
        """Repeats belong to a data set, and data sets share no buckets."""
        return by_subset(run)

    def placer(self, data_set: DataSet) -> Placer:
        options = {**self.options, **data_set.options}
        wanted = square(data_set.resolution, NAME)
        step = whole_px(NAME, "bucket_reso_steps", options)
        if not options["enable_bucket"]:
            return lambda size: (Place(key=wanted, bucket=wanted, scaled=cover(size, wanted)),)
        listed = resolutions(wanted, step)
        ladder = Ladder(listed, [w / h for w, h in listed])

        def place(size: Size) -> tuple[Place, ...]:
            if options["bucket_no_upscale"] and size[0] * size[1] <= wanted[0] * wanted[1]:
                bucket = size[0] // step * step, size[1] // step * step
            else:
                bucket = ladder.nearest(size[0] / size[1])
            if not bucket[0] or not bucket[1]:
                raise TrainerError(
                    NAME,
                    f"a picture of {size[0]}x{size[1]} px has a side under {step} px: bucket_no_upscale makes an empty "
                    "bucket of it",
                    "Leave the picture out, or turn bucket_no_upscale off",
                )
            return (Place(key=bucket, bucket=bucket, scaled=cover(size, bucket)),)

        return place

    def epoch(self, laid: Laid, scale: int = 1) -> Epoch:
        buckets = list(filled(laid, scale, keep_short))
        batches = sum(b.batches for b in buckets)
        return epoch_of(buckets, batches, ceil_div(batches, laid.run.processes))

    def checkpoint(self, name: str, save: Save) -> str:
        return sd_scripts_file(name, save)

    def total(self, run: Run, epoch: Epoch) -> Total:
        return epochs_or_steps(run, epoch, DEFAULT_STEPS)

    def warnings(self, laid: Laid, epoch: Epoch) -> tuple[str, ...]:
        if any(part.subset.regularisation for pool in laid.pools for part in pool.parts):
            return ("musubi-tuner has no regularisation: those pictures are trained like any other data set.",)
        return ()


TRAINER = Musubi()


def resolutions(resolution: Size, step: int) -> tuple[Size, ...]:
    """The bucket sizes (px) for a resolution, sorted: widths from half the side on, each with the height that fits."""
    area = resolution[0] * resolution[1]
    even = int(sqrt(area))
    found = set()
    for width in range(even // 2 // step * step, even + step, step):
        if width:
            height = area // width // step * step
            found |= {(width, height), (height, width)}
    return tuple(sorted(found))
