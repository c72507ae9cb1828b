"""kohya-ss/sd-scripts: buckets, regularisation and steps.

The rule was read in, and checked by running, the dataset code of kohya-ss/sd-scripts at commit 48d368fa (v0.10.1).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate
from math import ceil
from random import Random
from typing import Literal

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
from curate.trainers.batching import (
    batched,
    ceil_div,
    epoch_of,
    epochs_or_steps,
    keep_short,
    repeated,
    sd_scripts_file,
    square,
    whole_px,
)
from curate.trainers.kohya_buckets import NAME, by_shape, limits, make_bucket_resolutions, shrunk

DEFAULT_STEPS = 1600  # optimizer steps, where neither epochs nor steps are given: --max_train_steps of sd-scripts
OPTIONS: Options = {
    "enable_bucket": False,
    "min_bucket_reso": 256,  # px
    "max_bucket_reso": 1024,  # px
    "bucket_reso_steps": 64,  # px
    "bucket_no_upscale": False,
}


class Kohya:
    """sd-scripts, and the GUIs that call it."""

    name = NAME
    title = "kohya sd-scripts"
    source = "kohya-ss/sd-scripts 48d368fa"
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
        captions="Only the first line of a caption is read; a 0-byte caption file stops the training.",
        traps=(f"With neither epochs nor steps it trains {DEFAULT_STEPS} steps without a word.",),
        random_crop="random_crop = true (not with cached latents)",
        regularisation="Regularisation fills up to as many entries as yours, so steps per epoch about double.",
        validation="validation_split",
    )
    whole_repeats = True
    budget: Literal["epochs", "steps"] = "epochs"

    def curate_options(self, resolution: int, base: Base) -> Options:
        """Buckets on, up to twice the side: with the default of 1024 a 832x1216 picture would train at 704x1024."""
        return {
            "enable_bucket": True,
            "min_bucket_reso": min(256, resolution),
            "max_bucket_reso": 2 * resolution,
            "bucket_reso_steps": base.bucket_step,
            "bucket_no_upscale": False,
        }

    def parts(self, run: Run) -> tuple[tuple[tuple[DataSet, Subset], ...], ...]:
        """A data set's subsets share its buckets; a folder that is named a second time in a data set is skipped."""
        pools = []
        for data_set in run.data_sets:
            known: set[str] = set()
            kept = []
            for subset in data_set.subsets:
                if subset.repeats >= 1 and (not subset.name or subset.name not in known):
                    kept.append((data_set, subset))
                    known.add(subset.name)
            pools.append(tuple(kept))
        return tuple(pools)

    def placer(self, data_set: DataSet) -> Placer:
        wanted = square(data_set.resolution, NAME)
        options = {**self.options, **data_set.options}
        if not options["enable_bucket"]:
            return by_shape((wanted,))
        low, high, step = limits(wanted, options)
        if options["bucket_no_upscale"]:
            return partial(shrunk, area=wanted[0] * wanted[1], step=step)
        return by_shape(make_bucket_resolutions(wanted, low, high, step))

    def epoch(self, laid: Laid, scale: int = 1) -> Epoch:
        """Short batches are kept; regularisation pictures fill up to as many entries as the subject has."""
        buckets: list[Bucket] = []
        used: list[int] = []
        for index, pool in enumerate(laid.pools):
            subject: Counter[Hashable] = Counter()
            for part in pool.parts:
                if not part.subset.regularisation:
                    subject.update(repeated(part, scale))
            extra: Counter[Hashable] = Counter()
            fill = regularisation_of(pool, sum(subject.values()))
            for key, repeats in zip(_regularisation_keys(pool), fill, strict=True):
                extra[key] += repeats
            used += fill
            buckets += batched(index, pool, (subject, extra), keep_short)
        batches = sum(b.batches for b in buckets)
        epoch = epoch_of(buckets, batches, ceil_div(batches, laid.run.processes))
        return replace(epoch, regularisation_repeats=tuple(used))

    def checkpoint(self, name: str, save: Save) -> str:
        return sd_scripts_file(name, save)

    def total(self, run: Run, epoch: Epoch) -> Total:
        """Epochs win over steps; without either the hidden default of 1600 steps holds."""
        return epochs_or_steps(run, epoch, DEFAULT_STEPS)

    def warnings(self, laid: Laid, epoch: Epoch) -> tuple[str, ...]:
        said = [text for pool in laid.pools for text in _pool_warnings(laid, pool)]
        unused = epoch.regularisation_repeats.count(0)
        if unused:
            said.append(f"Regularisation pictures that are never used: {unused}, the last by name. Yours are fewer.")
        return tuple(said)


TRAINER = Kohya()


def folder_repeats(name: str) -> int | None:
    """The repeats in a folder's name (`10_sks man` -> 10); None where sd-scripts ignores the folder."""
    try:
        repeats = int(name.split("_", 1)[0])
    except ValueError:
        return None
    return repeats if repeats >= 1 else None


def regularisation_repeats(repeats: Sequence[int], entries: int) -> list[int]:
    """How often each regularisation picture is used in an epoch, in name order, to match `entries` of the subject.

    First each with its own repeats until the subject's entries are reached (the rest stay unused), then rounds of one
    more each.
    """
    if not repeats or entries < 1:
        return [0] * len(repeats)
    sums = list(accumulate(repeats))
    if sums[-1] >= entries:
        used = bisect_left(sums, entries) + 1
        return [*repeats[:used], *[0] * (len(repeats) - used)]
    rounds, left = divmod(entries - sums[-1], len(repeats))
    return [own + rounds + (i < left) for i, own in enumerate(repeats)]


def hold_out(count: int, share: float, seed: int) -> tuple[int, ...]:
    """The rows of a subset that are trained on with `validation_split` = share (0-1) and `validation_seed` = seed."""
    rows = list(range(count))
    Random(seed).shuffle(rows)
    return tuple(sorted(rows[: ceil(count * (1 - share))]))


def regularisation_of(pool: Pool, entries: int) -> list[int]:
    """How often each regularisation picture of a pool is used, in the order of its subsets."""
    own = [int(p.subset.repeats) for p in pool.parts if p.subset.regularisation for _ in p.subset.pictures]
    return regularisation_repeats(own, entries)


def _regularisation_keys(pool: Pool) -> list[Hashable]:
    return [places[0].key for part in pool.parts if part.subset.regularisation for places in part.places]


def _pool_warnings(laid: Laid, pool: Pool) -> list[str]:
    said = []
    for data_set in {id(p.data_set): p.data_set for p in pool.parts}.values():
        options = {**TRAINER.options, **data_set.options}
        wanted = square(data_set.resolution, NAME)
        if options["enable_bucket"] and not options["bucket_no_upscale"]:
            high = whole_px(NAME, "max_bucket_reso", options)
            if high < 1.5 * max(wanted):
                said.append(f"max_bucket_reso {high} squeezes tall and wide pictures: set it to {2 * max(wanted)}.")
        odd = sum(laid.run.sizes[row] != wanted for p in pool.parts for row in p.subset.pictures)
        if not options["enable_bucket"] and odd:
            said.append(
                f"enable_bucket is off: pictures of another size ({odd}) are cropped to {wanted[0]}x{wanted[1]}, and "
                "without cached latents the trainer stops at them."
            )
        names = [s.name for s in data_set.subsets if s.name]
        twice = sorted({name for name in names if names.count(name) > 1})
        said += [f"{name}: the folder is named twice, the second is ignored." for name in twice]
    return said
