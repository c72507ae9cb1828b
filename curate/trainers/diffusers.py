"""huggingface/diffusers, examples/dreambooth: lengths, buckets and steps. Read in, and run from, commit 58eb52c0."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import sqrt
from typing import Literal

from curate.errors import TrainerError
from curate.trainers.base import (
    Bucket,
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
    keep_short,
    nearest_multiple,
    side,
    steps_or_epochs,
)

NAME = "diffusers"
DEFAULT_EPOCHS = 1  # --num_train_epochs
STEP = 16  # px: sides of a bucket are multiples of it
SHAPES = ((1, 1), (4, 5), (5, 4), (2, 3), (3, 2), (3, 4), (4, 3), (9, 16), (16, 9), (1, 2), (2, 1))  # width : height
OPTIONS: Options = {"use_aspect_ratio_buckets": False}


class Diffusers:
    """Squares by default, with the last batch kept; with aspect-ratio buckets short batches are dropped."""

    name = NAME
    title = "diffusers (dreambooth examples)"
    source = "huggingface/diffusers 58eb52c0"
    options = OPTIONS
    fields = Fields(
        repeats="--repeats",
        epochs="--num_train_epochs",
        steps="--max_train_steps",
        batch_size="--train_batch_size",
        accumulation="--gradient_accumulation_steps",
        save_every="--checkpointing_steps",
    )
    notes = Notes(
        exif="The EXIF orientation is applied.",
        alpha="Transparency is dropped, so hidden colours show. curate export flattens them.",
        captions="Captions come from metadata.jsonl; --instance_data_dir crashes at any file that is no picture.",
        traps=("Without aspect-ratio buckets every picture is cropped to a square.",),
        regularisation="Each sample brings a class picture; more class pictures than entries lengthen the epoch.",
    )
    whole_repeats = True
    budget: Literal["epochs", "steps"] = "steps"

    def curate_options(self, resolution: int, base: Base) -> Options:
        """Buckets where the model's script has them."""
        return {"use_aspect_ratio_buckets": base.name in ("flux2", "qwen", "z-image")}

    def parts(self, run: Run) -> tuple[tuple[tuple[DataSet, Subset], ...], ...]:
        """One list. Raises TrainerError for subsets with repeats of their own, which the scripts do not know."""
        times = {s.repeats for d in run.data_sets for s in d.subsets if not s.regularisation}
        if len(times) > 1:
            raise TrainerError(
                NAME,
                "--repeats is one number for the whole set",
                "Give all pictures the same repeats, or another trainer",
            )
        return all_together(run)

    def placer(self, data_set: DataSet) -> Placer:
        """One square; or the nearest shape of a ladder no larger than the picture, the last of equally near ones."""
        wanted = side(data_set.resolution, NAME)
        square = wanted, wanted
        if not {**self.options, **data_set.options}["use_aspect_ratio_buckets"]:
            return lambda size: (Place(key=square, bucket=square, scaled=cover(size, square)),)

        def place(size: Size) -> tuple[Place, ...]:
            listed = ladder(min(wanted, round(sqrt(size[0] * size[1]))))
            bucket = min(reversed(listed), key=lambda b: abs(size[1] * b[0] - size[0] * b[1]))
            return (Place(key=bucket, bucket=bucket, scaled=cover(size, bucket)),)

        return place

    def epoch(self, laid: Laid, scale: int = 1) -> Epoch:
        """With class pictures every sample brings one of them; more of them than entries lengthen the epoch."""
        parts = [part for pool in laid.pools for part in pool.parts]
        classes = sum(len(p.subset.pictures) for p in parts if p.subset.regularisation)
        bucketed = any(part.data_set.options.get("use_aspect_ratio_buckets", False) for part in parts)
        own = Laid(
            run=laid.run,
            pools=tuple(
                replace(pool, parts=tuple(p for p in pool.parts if not p.subset.regularisation)) for pool in laid.pools
            ),
        )
        buckets = list(filled(own, scale, drop_short if bucketed else keep_short))
        if classes and not bucketed:
            buckets = [_lengthened(b, classes, own.pools[b.pool].batch_size) for b in buckets]
        batches = sum(b.batches for b in buckets)
        epoch = epoch_of(buckets, batches, ceil_div(batches, laid.run.processes))
        return replace(epoch, samples=2 * epoch.samples, regularisation=epoch.samples) if classes else epoch

    def checkpoint(self, name: str, save: Save) -> str:
        return "pytorch_lora_weights.safetensors" if save.ended else f"checkpoint-{save.step}"

    def total(self, run: Run, epoch: Epoch) -> Total:
        return steps_or_epochs(
            run, epoch, DEFAULT_EPOCHS, f"Neither epochs nor steps are set: the script runs {DEFAULT_EPOCHS} epoch."
        )

    def warnings(self, laid: Laid, epoch: Epoch) -> tuple[str, ...]:
        return ()


TRAINER = Diffusers()


@lru_cache(maxsize=4096)
def ladder(resolution: int) -> tuple[Size, ...]:
    """The bucket sizes (px) for a resolution, in the script's order."""
    return tuple(
        (
            max(STEP, nearest_multiple(resolution * sqrt(w / h), STEP)),
            max(STEP, nearest_multiple(resolution * sqrt(h / w), STEP)),
        )
        for w, h in SHAPES
    )


def _lengthened(bucket: Bucket, entries: int, batch: int) -> Bucket:
    """The one list, begun again until it is as long as the class pictures are many."""
    length = max(bucket.entries, entries)
    return replace(bucket, batches=ceil_div(length, batch), padded=length - bucket.entries)
