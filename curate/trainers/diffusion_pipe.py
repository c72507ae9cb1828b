"""tdrussell/diffusion-pipe: buckets by ratio, global batches and steps. Read in, and run from, commit 8f83dbf2."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log, sqrt
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
    all_together,
    ceil_div,
    cover,
    drop_short,
    epoch_of,
    filled,
    nearest_multiple,
    square,
    whole_px,
)

NAME = "diffusion-pipe"
MOST_RESOLUTIONS = 3  # with more the trainer quits unless told that the user means it
DECIMALS = 3  # of an aspect ratio
OPTIONS: Options = {
    "enable_ar_bucket": False,
    "min_ar": 0.5,  # width / height
    "max_ar": 2.0,
    "num_ar_buckets": 7,
    "ar_buckets": None,  # ratios or (width, height), instead of the three above
    "resolutions": None,  # sides in px; None: the data set's one
    "round_to_multiple": 16,  # px; follows the model
}


class DiffusionPipe:
    """A bucket's leftovers below one global batch are dropped, the same ones in every epoch."""

    name = NAME
    title = "diffusion-pipe"
    source = "tdrussell/diffusion-pipe 8f83dbf2"
    options = OPTIONS
    fields = Fields(
        repeats="num_repeats",
        epochs="epochs",
        steps="max_steps",
        batch_size="micro_batch_size_per_gpu",
        accumulation="gradient_accumulation_steps",
        save_every="save_every_n_steps",
    )
    notes = Notes(
        exif="The EXIF orientation is ignored: pictures that rely on it train lying down. curate export turns them.",
        alpha="Transparent pixels become white.",
        captions="A picture without a caption is skipped.",
        traps=(
            "enable_ar_bucket is off by default: everything is cropped to a square.",
            "Whatever does not fill a global batch is dropped, the same pictures in every epoch.",
            "A cache is written into the picture folder: train from an exported copy.",
        ),
        validation="an eval data set",
    )
    whole_repeats = False
    budget: Literal["epochs", "steps"] = "steps"

    def curate_options(self, resolution: int, base: Base) -> Options:
        """Buckets on, with the ratios of the project's own example."""
        return {**self.options, "enable_ar_bucket": True, "round_to_multiple": base.round_to}

    def parts(self, run: Run) -> tuple[tuple[tuple[DataSet, Subset], ...], ...]:
        """Directories share buckets of the same size and ratio."""
        return all_together(run)

    def placer(self, data_set: DataSet) -> Placer:
        """The nearest ratio by its logarithm, at every resolution."""
        options = {**self.options, **data_set.options}
        ratios = _ratios(options)
        step = whole_px(NAME, "round_to_multiple", options)
        sides = _resolutions(options["resolutions"], data_set.resolution)
        buckets = {ratio: tuple(_bucket(ratio, side, step) for side in sides) for ratio in ratios}

        def place(size: Size) -> tuple[Place, ...]:
            shape = log(size[0] / size[1])
            ratio = min(ratios, key=lambda r: abs(log(r) - shape))
            return tuple(Place(key=(ratio, b), bucket=b, scaled=cover(size, b)) for b in buckets[ratio])

        return place

    def epoch(self, laid: Laid, scale: int = 1) -> Epoch:
        together = laid.run.gradient_accumulation * laid.run.processes

        def fill(entries: int, batch: int) -> tuple[int, int, int]:
            batches, dropped, padded = drop_short(entries, batch * together)
            return batches * together, dropped, padded

        buckets = list(filled(laid, scale, fill))
        batches = sum(b.batches for b in buckets)
        return epoch_of(buckets, batches, batches // laid.run.processes)

    def checkpoint(self, name: str, save: Save) -> str:
        """A run that ends with an epoch ends before it looks at its steps, and saves that epoch."""
        whole = save.ended and save.step == save.epoch * save.epoch_steps
        return f"epoch{save.epoch}" if whole else f"step{save.step}"

    def total(self, run: Run, epoch: Epoch) -> Total:
        """Training ends with `epochs` or `max_steps`, whichever comes first."""
        per_epoch = epoch.per_process // run.gradient_accumulation
        if not per_epoch:
            return Total(steps=0, epochs=0, steps_per_epoch=0)
        said: tuple[str, ...] = ()
        epochs = run.epochs
        if epochs is None:
            if run.max_train_steps is None:
                said = ("Neither epochs nor max_steps are set: one epoch is counted; the trainer demands epochs.",)
            epochs = ceil_div(run.max_train_steps or per_epoch, per_epoch)
        steps = min(epochs * per_epoch, run.max_train_steps or epochs * per_epoch)
        return Total(steps=steps, epochs=ceil_div(steps, per_epoch), steps_per_epoch=per_epoch, warnings=said)

    def warnings(self, laid: Laid, epoch: Epoch) -> tuple[str, ...]:
        said = []
        if any(part.subset.regularisation for pool in laid.pools for part in pool.parts):
            said.append("diffusion-pipe has no regularisation: those pictures are trained like any other directory.")
        lost = [b.entries for b in epoch.buckets if not b.batches]
        if lost:
            said.append(f"Buckets below one global batch: {len(lost)}. Their entries, {sum(lost)}, are never trained.")
        return tuple(said)


TRAINER = DiffusionPipe()


def _bucket(ratio: float, side: float, step: int) -> Size:
    width = sqrt(side * side * ratio)
    return nearest_multiple(width, step), nearest_multiple(side * side / width, step)


def _ratios(options: Options) -> tuple[float, ...]:
    """Width / height of the buckets, sorted."""
    if not options["enable_ar_bucket"]:
        return (1.0,)
    listed = options["ar_buckets"]
    if listed is not None:
        if not isinstance(listed, Sequence) or not listed:
            raise TrainerError(NAME, "ar_buckets is no list", "Give ratios like [1.0, 1.5] or sizes like [[512, 512]]")
        return tuple(sorted({round(_ratio(one), DECIMALS) for one in listed}))
    return spaced(options["min_ar"], options["max_ar"], options["num_ar_buckets"])


def _ratio(given: object) -> float:
    """One of `ar_buckets`, a ratio or (width, height), as a ratio."""
    sides = given if isinstance(given, (list, tuple)) else (given, 1)
    if len(sides) != 2 or not all(isinstance(s, (int, float)) and 0 < s < inf for s in sides):
        raise TrainerError(
            NAME, f"{given!r} in ar_buckets is no ratio", "Give ratios like 1.5 or sizes like [512, 512]"
        )
    return float(sides[0] / sides[1])


def spaced(low: object, high: object, number: object) -> tuple[float, ...]:
    """`number` ratios from `low` to `high`, each the same factor from the next, rounded to three decimals."""
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)) or not 0 < low <= high:
        raise TrainerError(NAME, f"aspect ratios from {low!r} to {high!r}", "Set 0 < min_ar <= max_ar")
    if not isinstance(number, int) or number < 1:
        raise TrainerError(NAME, f"num_ar_buckets is {number!r}", "Set a whole number of at least 1")
    if number == 1:
        return (round(float(low), DECIMALS),)
    return tuple(sorted({round(low * (high / low) ** (i / (number - 1)), DECIMALS) for i in range(number)}))


def _resolutions(listed: object, single: object) -> tuple[float, ...]:
    """Sides of squares, px, sorted; a pair only means its area."""
    given = listed if isinstance(listed, Sequence) else (single,)
    if not given:
        raise TrainerError(NAME, "resolutions is empty", "Give one to three, like [1024]")
    if len(given) > MOST_RESOLUTIONS:
        raise TrainerError(
            NAME,
            f"{len(given)} resolutions: every picture is trained at all of them, and the trainer quits",
            f"Give at most {MOST_RESOLUTIONS}",
        )
    sides = set()
    for one in given:
        width, height = square(tuple(one) if isinstance(one, list) else one, NAME)
        sides.add(round(sqrt(width * height), DECIMALS))
    return tuple(sorted(sides))
