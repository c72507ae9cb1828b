"""Putting pictures into buckets and buckets into batches: what the trainers' files share."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from fractions import Fraction

from curate.errors import TrainerError
from curate.trainers.base import (
    Bucket,
    DataSet,
    Epoch,
    Laid,
    Options,
    Part,
    Place,
    Pool,
    Run,
    Save,
    Size,
    Subset,
    Total,
    Trainer,
)

SMALL_SIDE = 64  # px: below it autoencoders and several trainers fail

Fill = Callable[[int, int], tuple[int, int, int]]  # entries, batch size -> batches, dropped, padded
Entries = Callable[[Part, int], Mapping[Hashable, int]]  # a part, a factor on its repeats -> entries by bucket key


def keep_short(entries: int, batch: int) -> tuple[int, int, int]:
    """The last batch of a bucket stays, however short."""
    return -(-entries // batch), 0, 0


def drop_short(entries: int, batch: int) -> tuple[int, int, int]:
    """The last batch of a bucket is left out unless it is full."""
    return entries // batch, entries % batch, 0


def pad_short(entries: int, batch: int) -> tuple[int, int, int]:
    """The last batch of a bucket is filled up with pictures that it already has."""
    batches = -(-entries // batch)
    return batches, 0, batches * batch - entries


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def nearest_multiple(value: float, step: int) -> int:
    """`value` rounded to a multiple of `step`; halves go to the even multiple, as Python rounds."""
    return round(value / step) * step


def square(resolution: object, trainer: str) -> Size:
    """A resolution as (width, height). Raises TrainerError for anything but whole px, 64 and more."""
    sides = resolution if isinstance(resolution, tuple) else (resolution, resolution)
    if len(sides) != 2 or any(isinstance(s, bool) or not isinstance(s, int) or s < 1 for s in sides):
        raise TrainerError(trainer, f"resolution {resolution!r} is no whole number of pixels", "Set one like 1024")
    if min(sides) < SMALL_SIDE:
        raise TrainerError(trainer, f"resolution {min(sides)} is under {SMALL_SIDE} px", "Set one like 512 or 1024")
    return int(sides[0]), int(sides[1])


def side(resolution: object, trainer: str) -> int:
    """A resolution as the side of a square, px. Raises TrainerError where width and height differ."""
    width, height = square(resolution, trainer)
    if width != height:
        raise TrainerError(
            trainer, f"it takes one resolution, not {width}x{height}", "Set the side of a square of equal area"
        )
    return width


def whole_px(trainer: str, option: str, options: Options) -> int:
    """An option that is a length in whole px. Raises TrainerError for anything else."""
    value = options[option]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TrainerError(trainer, f"{option} is {value!r}, not a whole number of pixels", "Set one like 16 or 64")
    return value


def cover(size: Size, bucket: Size) -> Size:
    """The size of a picture that is scaled until it just covers its bucket."""
    scale = max(bucket[0] / size[0], bucket[1] / size[1])
    return max(bucket[0], int(size[0] * scale + 0.5)), max(bucket[1], int(size[1] * scale + 0.5))


class Ladder:
    """A trainer's list of buckets, asked for the one that is nearest in shape."""

    def __init__(self, sizes: Sequence[Size], shapes: Sequence[float]) -> None:
        self.sizes = tuple(sizes)
        first: dict[float, int] = {}
        for index, shape in enumerate(shapes):
            first.setdefault(shape, index)
        self._sorted = sorted(first)
        self._first = [first[shape] for shape in self._sorted]

    def nearest(self, shape: float) -> Size:
        """The bucket with the smallest |its shape - shape|; of equally near ones the first of the list."""
        at = bisect_left(self._sorted, shape)
        if at == 0:
            return self.sizes[self._first[0]]
        if at == len(self._sorted):
            return self.sizes[self._first[-1]]
        below, above = shape - self._sorted[at - 1], self._sorted[at] - shape
        if below == above:
            return self.sizes[min(self._first[at - 1], self._first[at])]
        return self.sizes[self._first[at - 1 if below < above else at]]


def by_subset(run: Run) -> tuple[tuple[tuple[DataSet, Subset], ...], ...]:
    """Each subset has buckets of its own."""
    return tuple(((data_set, subset),) for data_set in run.data_sets for subset in data_set.subsets)


def all_together(run: Run) -> tuple[tuple[tuple[DataSet, Subset], ...], ...]:
    """Pictures of all subsets share buckets."""
    return (tuple((data_set, subset) for data_set in run.data_sets for subset in data_set.subsets),)


def lay_out(trainer: Trainer, run: Run) -> Laid:
    """Every picture in its bucket; each distinct size is looked up once a data set."""
    placers = {id(data_set): trainer.placer(data_set) for data_set in run.data_sets}
    seen: dict[tuple[int, Size], tuple[Place, ...]] = {}

    def places(data_set: DataSet, size: Size) -> tuple[Place, ...]:
        at = (id(data_set), size)
        if at not in seen:
            seen[at] = placers[at[0]](size)
        return seen[at]

    pools = []
    for members in trainer.parts(run):
        parts = []
        sizes: dict[Hashable, Size] = {}
        for data_set, subset in members:
            placed = tuple(places(data_set, run.sizes[row]) for row in subset.pictures)
            counts = Counter(place.key for several in placed for place in several)
            for several in placed:
                for place in several:
                    sizes.setdefault(place.key, place.bucket)
            parts.append(Part(data_set=data_set, subset=subset, places=placed, counts=counts))
        batch = members[0][0].batch_size if members else 1
        pools.append(Pool(batch_size=batch, parts=tuple(parts), sizes=sizes))
    return Laid(run=run, pools=tuple(pools))


def repeated(part: Part, scale: int) -> Mapping[Hashable, int]:
    """Entries by bucket: pictures times repeats, cut to a whole number in each bucket. Regularisation is not scaled."""
    repeats = part.subset.repeats * (1 if part.subset.regularisation else scale)
    if repeats == int(repeats):
        return {key: n * int(repeats) for key, n in part.counts.items()}
    return {key: int(n * repeats) for key, n in part.counts.items()}


def filled(laid: Laid, scale: int, fill: Fill, entries: Entries = repeated) -> Iterator[Bucket]:
    """The buckets of each pool, every part's entries added up and put into batches."""
    for index, pool in enumerate(laid.pools):
        subject: Counter[Hashable] = Counter()
        regularisation: Counter[Hashable] = Counter()
        for part in pool.parts:
            (regularisation if part.subset.regularisation else subject).update(entries(part, scale))
        yield from batched(index, pool, (subject, regularisation), fill)


def batched(
    index: int, pool: Pool, entries: tuple[Mapping[Hashable, int], Mapping[Hashable, int]], fill: Fill
) -> Iterator[Bucket]:
    """The buckets of one pool, from its subject's and its regularisation's entries by key."""
    subject, regularisation = entries
    for key, size in pool.sizes.items():
        extra = regularisation.get(key, 0)
        total = subject.get(key, 0) + extra
        if total:
            batches, dropped, padded = fill(total, pool.batch_size)
            yield Bucket(
                pool=index,
                key=key,
                size=size,
                entries=total,
                batches=batches,
                dropped=dropped,
                padded=padded,
                regularisation=extra,
            )


def epoch_of(buckets: list[Bucket], batches: int, per_process: int) -> Epoch:
    """An epoch from its buckets; regularisation shares a bucket's losses and padding in proportion."""
    samples = sum(b.entries - b.dropped + b.padded for b in buckets)
    share = Fraction()
    for bucket in buckets:
        kept = bucket.entries - bucket.dropped + bucket.padded
        share += Fraction(bucket.regularisation * kept, bucket.entries)
    return Epoch(
        buckets=tuple(buckets), batches=batches, per_process=per_process, samples=samples, regularisation=round(share)
    )


def sd_scripts_file(name: str, save: Save) -> str:
    """What sd-scripts and musubi-tuner call a saved file; the last one has the name alone."""
    if save.ended:
        return f"{name}.safetensors"
    return f"{name}-step{save.step:08d}.safetensors" if save.unit == "steps" else f"{name}-{save.epoch:06d}.safetensors"


def epochs_or_steps(run: Run, epoch: Epoch, default: int) -> Total:
    """The step formula of sd-scripts and musubi-tuner: `epochs` overrides `max_train_steps`, which has a default."""
    per_epoch = ceil_div(epoch.per_process, run.gradient_accumulation)
    said: tuple[str, ...] = ()
    if not per_epoch:
        return Total(steps=0, epochs=0, steps_per_epoch=0)
    if run.epochs is not None:
        if run.max_train_steps is not None:
            said = ("max_train_epochs is given, so max_train_steps is ignored.",)
        return Total(steps=run.epochs * per_epoch, epochs=run.epochs, steps_per_epoch=per_epoch, warnings=said)
    if run.max_train_steps is None:
        said = (f"Neither epochs nor steps are set: the trainer falls back to {default} steps without a word.",)
    steps = default if run.max_train_steps is None else run.max_train_steps
    return Total(steps=steps, epochs=ceil_div(steps, per_epoch), steps_per_epoch=per_epoch, warnings=said)


def steps_or_epochs(run: Run, epoch: Epoch, default: int, said: str) -> Total:
    """The step formula of SimpleTuner and the diffusers scripts: `max_train_steps` overrides `epochs`.

    `default`: epochs where neither is given, of which `said` warns.
    """
    per_epoch = ceil_div(epoch.per_process, run.gradient_accumulation)
    if not per_epoch:
        return Total(steps=0, epochs=0, steps_per_epoch=0)
    given = run.max_train_steps is not None or run.epochs is not None
    steps = run.max_train_steps or (run.epochs or default) * per_epoch
    epochs = ceil_div(steps, per_epoch)
    return Total(steps=steps, epochs=epochs, steps_per_epoch=per_epoch, warnings=() if given else (said,))
