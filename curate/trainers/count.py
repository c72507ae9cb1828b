"""The true number of steps, by the trainer's own rule."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from math import inf

from curate.errors import TrainerError
from curate.trainers.base import (
    DataSet,
    Epoch,
    Laid,
    Options,
    Resolution,
    Run,
    Size,
    Steps,
    Subset,
    Trainer,
)
from curate.trainers.batching import SMALL_SIDE, lay_out
from curate.trainers.registry import get


def steps(
    sizes: Sequence[Size],
    trainer: str,
    *,
    repeats: float | Sequence[float],
    batch_size: int,
    resolution: Resolution,
    epochs: int | None = None,
    max_train_steps: int | None = None,
    gradient_accumulation: int = 1,
    processes: int = 1,
    regularisation: Sequence[tuple[Size, float]] = (),
    options: Options | None = None,
) -> Steps:
    """The batches, optimizer steps and buckets that `trainer` makes of pictures of these sizes.

    `sizes`: (width, height) in px of each picture. `repeats`: passes over the set in an epoch, one number or one per
    picture. `resolution`: px, (width, height), or megapixels for SimpleTuner's area. `regularisation`: ((width,
    height), repeats) of each regularisation picture, in name order. `options`: the trainer's own; unnamed ones keep its
    defaults. Raises TrainerError where the trainer is unknown or would refuse.
    """
    chosen = get(trainer)
    own = _repeats(chosen, repeats, len(sizes))
    rows: dict[float, list[int]] = defaultdict(list)
    for row, times in enumerate(own):
        rows[times].append(row)
    subsets = [Subset(pictures=tuple(members), repeats=times) for times, members in rows.items()]
    first = len(sizes)
    for at, (_, times) in enumerate(regularisation):
        _check_repeats(chosen, times)
        subsets.append(Subset(pictures=(first + at,), repeats=times, regularisation=True))
    run = Run(
        sizes=(*(_size(chosen, s) for s in sizes), *(_size(chosen, s) for s, _ in regularisation)),
        data_sets=(
            DataSet(
                subsets=_joined(subsets), resolution=resolution, batch_size=batch_size, options=dict(options or {})
            ),
        ),
        epochs=epochs,
        max_train_steps=max_train_steps,
        gradient_accumulation=gradient_accumulation,
        processes=processes,
    )
    return count(chosen, run, shown=first)


def count(trainer: Trainer, run: Run, shown: int | None = None) -> Steps:
    """The steps of a run of several data sets and subsets; pictures from row `shown` on are not listed."""
    check(trainer, run)
    laid = lay_out(trainer, run)
    return counted(trainer, laid, trainer.epoch(laid), shown)


def counted(trainer: Trainer, laid: Laid, epoch: Epoch, shown: int | None = None) -> Steps:
    """The full answer for pictures that are already in their buckets."""
    run = laid.run
    last = len(run.sizes) if shown is None else shown
    total = trainer.total(run, epoch)
    entries: Counter[Size] = Counter()
    for bucket in epoch.buckets:
        entries[bucket.size] += bucket.entries
    said = [*total.warnings, *trainer.warnings(laid, epoch), *_general_warnings(run, epoch)]
    return Steps(
        trainer=trainer.name,
        batches_per_epoch=epoch.batches,
        steps_per_epoch=total.steps_per_epoch,
        steps=total.steps,
        epochs=total.epochs,
        samples_per_epoch=epoch.samples,
        regularisation_per_epoch=epoch.regularisation,
        bucket_of_picture=buckets_of_pictures(laid)[:last],
        buckets=dict(sorted(entries.items())),
        dropped=shares(laid, {(b.pool, b.key): b.dropped for b in epoch.buckets}, last),
        padded=shares(laid, {(b.pool, b.key): b.padded for b in epoch.buckets}, last),
        warnings=tuple(dict.fromkeys(said)),
        regularisation_repeats=epoch.regularisation_repeats,
    )


def check(trainer: Trainer, run: Run) -> None:
    """Raises TrainerError for numbers that no trainer takes, and for options that this one does not have."""
    for name, value in (
        ("epochs", run.epochs),
        ("max_train_steps", run.max_train_steps),
        ("gradient_accumulation", run.gradient_accumulation),
        ("processes", run.processes),
        *(("batch_size", d.batch_size) for d in run.data_sets),
    ):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise TrainerError(trainer.name, f"{name} is {value!r}", "Set a whole number of at least 1")
    for data_set in run.data_sets:
        for option in data_set.options:
            if option not in trainer.options:
                known = ", ".join(trainer.options) or "none"
                raise TrainerError(trainer.name, f"no option called {option!r}", f"Its options are: {known}")
        trainer.placer(data_set)  # refuses settings even where there are no pictures


def buckets_of_pictures(laid: Laid) -> tuple[Size | None, ...]:
    """The bucket of each picture, px; the last where it is trained in several."""
    found: list[Size | None] = [None] * len(laid.run.sizes)
    for pool in laid.pools:
        for part in pool.parts:
            for row, places in zip(part.subset.pictures, part.places, strict=True):
                for place in places:
                    found[row] = pool.sizes[place.key] if place.first_fixes else place.bucket
    return tuple(found)


def shares(laid: Laid, lost: Mapping[tuple[int, Hashable], int], last: int) -> dict[int, float]:
    """Each picture's part of what its bucket loses or gains: in proportion to repeats, which is the expected number."""
    found: dict[int, float] = {}
    for index, pool in enumerate(laid.pools):
        weights: dict[Hashable, float] = defaultdict(float)
        for part in pool.parts:
            for key, pictures in part.counts.items():
                weights[key] += pictures * part.subset.repeats
        for part in pool.parts:
            own = part.subset.repeats
            each = {key: lost[index, key] * own / weights[key] for key in part.counts if lost.get((index, key))}
            if each:
                for row, places in zip(part.subset.pictures, part.places, strict=True):
                    for place in places:
                        if row < last and place.key in each:
                            found[row] = found.get(row, 0) + each[place.key]
    return {row: int(n) if n == int(n) else n for row, n in sorted(found.items())}


def _general_warnings(run: Run, epoch: Epoch) -> list[str]:
    said = []
    if not epoch.batches:
        said.append("Nothing is left to train on: every bucket holds fewer pictures than one batch.")
    small = sum(min(size) < SMALL_SIDE for size in run.sizes)
    if small:
        said.append(f"Pictures with a side under {SMALL_SIDE} px: {small}. Trainers may stop at them; leave them out.")
    return said


def _size(trainer: Trainer, size: Size) -> Size:
    width, height = size if len(size) == 2 else (0, 0)
    if width < 1 or height < 1 or int(width) != width or int(height) != height:
        raise TrainerError(trainer.name, f"{size!r} is no picture size", "Give (width, height) in whole pixels")
    return int(width), int(height)


def _repeats(trainer: Trainer, repeats: float | Sequence[float], count: int) -> list[float]:
    own = [repeats] * count if isinstance(repeats, (int, float)) else list(repeats)
    if len(own) != count:
        raise TrainerError(
            trainer.name, f"{len(own)} repeats for {count} pictures", "Give one number or one per picture"
        )
    for times in set(own):
        _check_repeats(trainer, times)
    return own


def _check_repeats(trainer: Trainer, times: float) -> None:
    if not 0 < times < inf or (trainer.whole_repeats and times != int(times)):
        kind = "a whole number of at least 1" if trainer.whole_repeats else "a number above 0"
        raise TrainerError(trainer.name, f"repeats is {times!r}", f"Set {kind}")


def _joined(subsets: Sequence[Subset]) -> tuple[Subset, ...]:
    """Neighbours with the same repeats and role as one subset; the order of the pictures stays."""
    joined: list[Subset] = []
    for subset in subsets:
        last = joined[-1] if joined else None
        if last and (last.repeats, last.regularisation) == (subset.repeats, subset.regularisation):
            joined[-1] = replace(last, pictures=last.pictures + subset.pictures)
        else:
            joined.append(subset)
    return tuple(joined)
