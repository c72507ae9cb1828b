"""Nerogar/OneTrainer: buckets, concepts and steps.

The rule was read in, and checked by running, mgds 3a6994ad, which OneTrainer 23df3832 pins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
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
from curate.trainers.batching import (
    Ladder,
    all_together,
    ceil_div,
    drop_short,
    epoch_of,
    filled,
    nearest_multiple,
    repeated,
    square,
    whole_px,
)

NAME = "onetrainer"
DEFAULT_EPOCHS = 100  # OneTrainer's own default
ASPECTS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0)  # long side over short side of its buckets
OPTIONS: Options = {"quantization": 64}  # px; 64 for SDXL and later models, 8 for SD 1.5


class OneTrainer:
    """Counts epochs only; a bucket's leftovers are dropped, other ones each epoch."""

    name = NAME
    title = "OneTrainer"
    source = "Nerogar/OneTrainer 23df3832, Nerogar/mgds 3a6994ad"
    options = OPTIONS
    fields = Fields(
        repeats="balancing",
        epochs="epochs",
        steps="",
        batch_size="batch_size",
        accumulation="gradient_accumulation_steps",
        save_every="save_every (save_every_unit EPOCH)",
        save_every_steps="save_every (save_every_unit STEP)",
        saves_count_batches=True,
    )
    notes = Notes(
        exif="The EXIF orientation is applied.",
        alpha="Transparency is dropped, so hidden colours show. curate export flattens them.",
        captions="Each line of a caption is an alternative, one of which is drawn at random.",
        traps=("Leftovers of a bucket below one batch are dropped without a word.",),
        random_crop="enable_crop_jitter",
        regularisation="A PRIOR_PREDICTION concept joins the batches: the steps grow with its entries.",
        validation="a concept of type VALIDATION",
    )
    whole_repeats = False
    budget: Literal["epochs", "steps"] = "epochs"

    def curate_options(self, resolution: int, base: Base) -> Options:
        return {"quantization": base.quantization}

    def parts(self, run: Run) -> tuple[tuple[tuple[DataSet, Subset], ...], ...]:
        """Concepts share buckets."""
        return all_together(run)

    def placer(self, data_set: DataSet) -> Placer:
        """The nearest height / width; a rectangle as resolution is one fixed bucket."""
        step = whole_px(NAME, "quantization", {**self.options, **data_set.options})
        wanted = square(data_set.resolution, NAME)
        fixed = (nearest_multiple(wanted[0], step), nearest_multiple(wanted[1], step))
        listed = resolutions(wanted[0], step) if wanted[0] == wanted[1] else (fixed,)
        ladder = Ladder(listed, [h / w for w, h in listed])

        def place(size: Size) -> tuple[Place, ...]:
            tall = size[1] / size[0]
            bucket = ladder.nearest(tall)
            if tall > bucket[1] / bucket[0]:
                scaled = bucket[0], round(size[1] * (bucket[0] / size[0]))
            else:
                scaled = round(size[0] * (bucket[1] / size[1])), bucket[1]
            return (Place(key=bucket, bucket=bucket, scaled=scaled),)

        return place

    def epoch(self, laid: Laid, scale: int = 1) -> Epoch:
        processes = laid.run.processes

        def fill(entries: int, batch: int) -> tuple[int, int, int]:
            batches, dropped, padded = drop_short(entries, batch * processes)
            return batches * processes, dropped, padded

        buckets = list(filled(laid, scale, fill, entries_of))
        batches = sum(b.batches for b in buckets)
        return epoch_of(buckets, batches, batches // processes)

    def checkpoint(self, name: str, save: Save) -> str:
        """In workspace/save: the date, then batches in all, epochs finished, batches of the running one.

        It looks before each batch whether it is time, one batch early where it counts steps, and waits until the
        accumulated gradient has been used.
        """
        if save.ended:
            return f"{name}.safetensors"
        together = save.gradient_accumulation
        if save.unit == "epochs":
            batches = ceil_div(save.epoch * save.epoch_batches, together) * together
        else:
            batches = save.step * together - (together == 1)
        epochs, running = divmod(batches, save.epoch_batches)
        return f"<date>-save-{batches}-{epochs}-{running}.safetensors"

    def total(self, run: Run, epoch: Epoch) -> Total:
        """Steps are counted through: an accumulation that an epoch leaves open goes on in the next."""
        if run.max_train_steps is not None:
            raise TrainerError(
                NAME, "it counts epochs and has no limit in steps", "Give epochs instead of max_train_steps"
            )
        said: tuple[str, ...] = ()
        if run.epochs is None:
            said = (f"No epochs are set: OneTrainer runs {DEFAULT_EPOCHS}.",)
        epochs = DEFAULT_EPOCHS if run.epochs is None else run.epochs
        per_epoch = epoch.per_process / run.gradient_accumulation
        return Total(
            steps=epochs * epoch.per_process // run.gradient_accumulation,
            epochs=epochs if epoch.batches else 0,
            steps_per_epoch=int(per_epoch) if per_epoch == int(per_epoch) else per_epoch,
            warnings=said,
        )

    def warnings(self, laid: Laid, epoch: Epoch) -> tuple[str, ...]:
        subsets = [part.subset for pool in laid.pools for part in pool.parts]
        if any(subset.repeats != int(subset.repeats) for subset in subsets):
            return ("A fraction in balancing moves on each epoch: later ones may have a few batches more or less.",)
        return ()


TRAINER = OneTrainer()


def resolutions(side: int, step: int) -> tuple[Size, ...]:
    """The bucket sizes (px) for a resolution, in the order of height, then width."""
    shapes = [(side / sqrt(a), side * sqrt(a)) for a in ASPECTS]
    both = [*shapes, *((high, low) for low, high in shapes)]
    found = {(nearest_multiple(width, step), nearest_multiple(height, step)) for width, height in both}
    return tuple(sorted(found, key=lambda b: (b[1], b[0])))


def entries_of(part: Part, scale: int) -> Mapping[Hashable, int]:
    """Whole entries of a concept: its pictures times `balancing`, cut down; the first ones take the odd entries.

    Later epochs go on where the list stopped, so with a fraction every picture gets its turn.
    """
    repeats = part.subset.repeats * (1 if part.subset.regularisation else scale)
    if repeats == int(repeats) or not part.places:
        return repeated(part, scale)
    each, odd = divmod(int(len(part.places) * repeats), len(part.places))
    found: Counter[Hashable] = Counter()
    for row, places in enumerate(part.places):
        for place in places:
            found[place.key] += each + (row < odd)
    return found
