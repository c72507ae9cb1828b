"""bghira/SimpleTuner: buckets by rounded ratio, refusals and steps. Read in, and run from, commit bc8e6ab7."""

from __future__ import annotations

from dataclasses import replace
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
    Placer,
    Pool,
    Run,
    Save,
    Subset,
    Total,
)
from curate.trainers.bases import Base
from curate.trainers.batching import by_subset, ceil_div, epoch_of, filled, pad_short, steps_or_epochs
from curate.trainers.simpletuner_buckets import NAME, placer

DEFAULT_EPOCHS = 1  # num_train_epochs
OPTIONS: Options = {
    "resolution_type": "pixel_area",  # px of a square; or pixel (px of the short side), area (megapixels)
    "crop": False,  # True: everything to a square
    "minimum_image_size": None,  # in the unit of resolution_type; set: small buckets are pruned, not refused
}


class SimpleTuner:
    """Keys buckets by ratio; refuses buckets below one global batch unless it prunes them; fills short batches."""

    name = NAME
    title = "SimpleTuner"
    source = "bghira/SimpleTuner bc8e6ab7"
    options = OPTIONS
    fields = Fields(
        repeats="repeats",  # passes - 1
        epochs="num_train_epochs",
        steps="max_train_steps",
        batch_size="train_batch_size",
        accumulation="gradient_accumulation_steps",
        save_every="checkpoint_step_interval",
    )
    notes = Notes(
        exif="The EXIF orientation is applied.",
        alpha="Transparency is flattened on a colour of its own. curate export chooses it.",
        captions="Lines of a caption are alternatives unless disable_multiline_split is set.",
        traps=(
            "repeats counts extra passes: 0 is one pass.",
            "delete_problematic_images and delete_unwanted_images delete files: point it at an exported copy.",
        ),
        random_crop='crop: true with crop_style: "random"',
        regularisation="A back end with is_regularisation_data adds its batches to each epoch.",
        validation="an eval data set",
    )
    whole_repeats = True
    budget: Literal["epochs", "steps"] = "steps"

    def curate_options(self, resolution: int, base: Base) -> Options:
        """No minimum size: a bucket that a batch cannot fill stops the trainer instead of vanishing."""
        return {**self.options}

    def parts(self, run: Run) -> tuple[tuple[tuple[DataSet, Subset], ...], ...]:
        """Each data back end has buckets of its own."""
        return by_subset(run)

    def placer(self, data_set: DataSet) -> Placer:
        return placer(data_set.resolution, {**self.options, **data_set.options})

    def epoch(self, laid: Laid, scale: int = 1) -> Epoch:
        run = laid.run
        buckets, unfilled = [], []
        for bucket in filled(laid, scale, pad_short):
            pool = laid.pools[bucket.pool]
            options = {**self.options, **pool.parts[0].data_set.options}
            needed = pool.batch_size * run.processes * run.gradient_accumulation
            if bucket.entries < pool.batch_size and options["minimum_image_size"]:
                buckets.append(replace(bucket, batches=0, dropped=bucket.entries, padded=0))
            elif bucket.entries < needed:
                unfilled.append((ceil_div(needed, _passes(bucket, pool)[0]), needed, bucket))
            else:
                buckets.append(_split(bucket, pool, run.processes))
        if unfilled:
            raise _zero_batches(unfilled)
        first = sum(_first_process(b, laid.pools[b.pool], run.processes) for b in buckets if b.batches)
        return epoch_of(buckets, sum(b.batches for b in buckets), first)

    def checkpoint(self, name: str, save: Save) -> str:
        return "pytorch_lora_weights.safetensors" if save.ended else f"checkpoint-{save.step}"

    def total(self, run: Run, epoch: Epoch) -> Total:
        return steps_or_epochs(
            run, epoch, DEFAULT_EPOCHS, f"Neither epochs nor steps are set: {DEFAULT_EPOCHS} epoch is counted."
        )

    def warnings(self, laid: Laid, epoch: Epoch) -> tuple[str, ...]:
        pruned = [b.entries for b in epoch.buckets if not b.batches]
        if pruned:
            return (f"Buckets below one batch: {len(pruned)}. Their entries, {sum(pruned)}, are never trained.",)
        return ()


TRAINER = SimpleTuner()


def _passes(bucket: Bucket, pool: Pool) -> tuple[int, int]:
    """Pictures of a bucket, and how often each is passed."""
    pictures = sum(part.counts.get(bucket.key, 0) for part in pool.parts)
    return pictures, bucket.entries // pictures


def _process_batches(pictures: int, passes: int, batch: int) -> int:
    entries = pictures * passes
    return ceil_div(entries, batch) if entries >= batch else 0


def _first_process(bucket: Bucket, pool: Pool, processes: int) -> int:
    """Batches of the first process, which gets the larger share and by which the trainer counts."""
    pictures, passes = _passes(bucket, pool)
    return _process_batches(ceil_div(pictures, processes), passes, pool.batch_size)


def _split(bucket: Bucket, pool: Pool, processes: int) -> Bucket:
    """The bucket as its pictures are dealt out to the processes, each of which fills its own last batch."""
    if processes == 1:
        return bucket
    pictures, passes = _passes(bucket, pool)
    each, odd = divmod(pictures, processes)
    batch = pool.batch_size
    shares = [each + (rank < odd) for rank in range(processes)]
    batches = [_process_batches(n, passes, batch) for n in shares]
    dropped = sum(n * passes for n, b in zip(shares, batches, strict=True) if not b)
    padded = sum(batches) * batch - (bucket.entries - dropped)
    return replace(bucket, batches=sum(batches), dropped=dropped, padded=padded)


def _zero_batches(unfilled: list[tuple[int, int, Bucket]]) -> TrainerError:
    """The refusal, with the passes that would fill every bucket."""
    passes, needed, bucket = max(unfilled, key=lambda one: one[0])
    more = f" (and {len(unfilled) - 1} more buckets)" if len(unfilled) > 1 else ""
    return TrainerError(
        NAME,
        f"the bucket with ratio {bucket.key} ({bucket.size[0]}x{bucket.size[1]}) has {bucket.entries} entries and one "
        f"step takes {needed}: zero usable batches{more}",
        f"Raise repeats to {passes} passes (the field repeats: {passes - 1}), lower the batch size, or crop to fewer "
        "ratios",
    )
