"""Repeats and epochs whose true number of steps comes nearest the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from math import gcd

from curate.errors import PlanError, TrainerError
from curate.plan.constants import FEWEST_SAVES, MOST_SAVES, NEAR_TARGET, REPEATS
from curate.plan.records import PlanInputs
from curate.plan.wording import plural
from curate.trainers import DataSet, Run, Subset, Trainer
from curate.trainers.base import Epoch, Laid, Options, Resolution
from curate.trainers.batching import lay_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """The pictures in their buckets, with the subsets' repeats brought down to their smallest whole ratio."""

    trainer: Trainer
    laid: Laid  # repeats in their smallest ratio; batch size 1
    own: int  # factor that gives back the repeats of the folders

    def with_batch(self, batch_size: int) -> Laid:
        return replace(self.laid, pools=tuple(replace(pool, batch_size=batch_size) for pool in self.laid.pools))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One setting of the search."""

    scale: int  # factor on the repeats of `Set`
    epochs: int
    steps: int  # optimizer steps, by the trainer's own rule
    laid: Laid
    epoch: Epoch
    limit: int | None = None  # optimizer steps that end the run, where not the epochs do


def prepare(trainer: Trainer, inputs: PlanInputs, resolution: Resolution, options: Options) -> Set:
    """The set in its buckets. Raises TrainerError where the trainer refuses it."""
    subsets, own = _reduced(inputs)
    passes = inputs.settings.repeats
    if passes is not None and passes != int(passes) and not trainer.whole_repeats:
        subsets = [replace(subset, repeats=subset.repeats * passes) for subset in subsets]
    sizes = list(inputs.sizes)
    for extra in inputs.regularisation:
        rows = tuple(range(len(sizes), len(sizes) + len(extra.sizes)))
        sizes += extra.sizes
        subsets.append(Subset(pictures=rows, repeats=extra.repeats, regularisation=True, name=f"{extra.name} (reg)"))
    settings = inputs.settings
    run = Run(
        sizes=tuple(sizes),
        data_sets=(DataSet(subsets=tuple(subsets), resolution=resolution, options=options),),
        gradient_accumulation=settings.gradient_accumulation,
        processes=settings.processes,
    )
    return Set(trainer=trainer, laid=lay_out(trainer, run), own=own)


def nearest(found: Set, target: int, batch_size: int, most_epochs: int = MOST_SAVES) -> Found:
    """The setting nearest to `target` optimizer steps; ties to fewer repeats, then to fewer steps.

    A trainer that takes a limit in steps meets the target exactly where that is its budget, and where the target is
    less than the fewest epochs of the search at one repeat. Repeats that the folders already have stay when they come
    within a few per cent, so that nobody renames for nothing; else all are multiplied alike, so that their ratio stays.
    Raises PlanError for a target that no setting meets.
    """
    if found.trainer.budget == "steps" and not found.trainer.fields.epochs:
        return _exact(found, target, batch_size)
    if found.own > 1:
        kept = _best(found, target, batch_size, range(found.own, found.own + 1), most_epochs)
        if kept and abs(kept.steps - target) <= NEAR_TARGET * target:
            return _limited(found, target, batch_size, kept)
    best = _best(found, target, batch_size, REPEATS, most_epochs)
    if best is None:
        raise _nothing(found, batch_size)
    _refuse_impossible(found, target, best, batch_size)
    return _limited(found, target, batch_size, best)


def _limited(found: Set, target: int, batch_size: int, best: Found) -> Found:
    """The setting with a limit in steps where that ends the run."""
    if found.trainer.budget == "steps":
        return replace(best, steps=target, limit=target)
    if best.steps > target and found.trainer.fields.steps:
        least = at(found, batch_size, REPEATS[0], FEWEST_SAVES)
        if target < least.steps:
            return replace(least, steps=target, limit=target)
    return best


def at(found: Set, batch_size: int, scale: int, epochs: int) -> Found:
    """The setting with given repeats and epochs."""
    laid = found.with_batch(batch_size)
    epoch = found.trainer.epoch(laid, scale)
    total = found.trainer.total(replace(laid.run, epochs=epochs), epoch)
    return Found(scale=scale, epochs=epochs, steps=total.steps, laid=laid, epoch=epoch)


def _nothing(found: Set, batch_size: int) -> PlanError:
    """Why no setting trains anything: the trainer's own refusal where it has one."""
    try:
        found.trainer.epoch(found.with_batch(batch_size), REPEATS[-1])
    except TrainerError as error:
        return PlanError(f"{found.trainer.title} refuses batch size {batch_size}: {error.problem}", error.advice)
    run = found.laid.run
    what = "batch size" if batch_size > 1 else "gradient accumulation" if run.gradient_accumulation > 1 else "processes"
    return PlanError(
        f"Nothing is left to train on: every bucket is smaller than a batch of {batch_size} x "
        f"{run.gradient_accumulation} (accumulation) x {run.processes} (processes), and dropped",
        f"Lower the {what}",
    )


def _reduced(inputs: PlanInputs) -> tuple[list[Subset], int]:
    """The subject's subsets with repeats divided by what they have in common, and that divisor."""
    if not inputs.subsets:
        return [Subset(pictures=tuple(range(len(inputs.sizes))))], 1
    whole = all(part.repeats == int(part.repeats) for part in inputs.subsets)
    common = reduce(gcd, (int(part.repeats) for part in inputs.subsets)) if whole else 1
    parts = [Subset(pictures=p.pictures, repeats=p.repeats / common, name=p.name) for p in inputs.subsets]
    return [replace(p, repeats=int(p.repeats)) if whole else p for p in parts], common


def _best(found: Set, target: int, batch_size: int, scales: range, most_epochs: int) -> Found | None:
    best: tuple[tuple[int, int, int], Found] | None = None
    for candidate in _candidates(found, target, batch_size, scales, most_epochs):
        rank = (abs(candidate.steps - target), candidate.scale, candidate.steps)
        if best is None or rank < best[0]:
            best = rank, candidate
    return best[1] if best else None


def _candidates(found: Set, target: int, batch_size: int, scales: range, most_epochs: int) -> Iterator[Found]:
    """For each number of repeats the epochs on either side of the target."""
    laid = found.with_batch(batch_size)
    for scale in scales:
        try:
            epoch = found.trainer.epoch(laid, scale)
        except TrainerError:
            continue  # SimpleTuner: a bucket that a batch cannot fill; more repeats may
        if not epoch.batches:
            continue
        per_epoch = found.trainer.total(replace(laid.run, epochs=1_000_000), epoch).steps / 1_000_000
        middle = int(target / per_epoch)
        for epochs in sorted({min(max(middle + i, FEWEST_SAVES), most_epochs) for i in (-1, 0, 1, 2)}):
            steps = found.trainer.total(replace(laid.run, epochs=epochs), epoch).steps
            yield Found(scale=scale, epochs=epochs, steps=steps, laid=laid, epoch=epoch)


def _exact(found: Set, target: int, batch_size: int) -> Found:
    """A trainer that knows no epochs: any repeats meet the target, so those of the folders stay."""
    laid = found.with_batch(batch_size)
    epoch = found.trainer.epoch(laid, found.own)
    total = found.trainer.total(replace(laid.run, max_train_steps=target), epoch)
    result = Found(scale=found.own, epochs=total.epochs, steps=target, laid=laid, epoch=epoch, limit=target)
    _refuse_impossible(found, target, result, batch_size)
    return result


def _refuse_impossible(found: Set, target: int, best: Found, batch_size: int) -> None:
    """Raises PlanError where the target is less than one epoch, or more than the search's limits reach."""
    scale = min(best.scale, found.own)
    try:
        one = at(found, batch_size, scale, 1).steps
    except TrainerError:  # SimpleTuner refuses fewer repeats than it found
        one = at(found, batch_size, best.scale, 1).steps
    if target < one:
        raise PlanError(
            f"{plural(target, 'step')}: fewer than one epoch, which takes {one:,} at batch size {batch_size}",
            "Raise the target or the batch size, or train on fewer pictures",
        )
    if best.steps < target and best.scale == REPEATS[-1] and best.epochs == MOST_SAVES:
        raise PlanError(
            f"{plural(target, 'step')}: more than {REPEATS[-1]} repeats and {MOST_SAVES} epochs give, which is "
            f"{best.steps:,}",
            "Lower the target, or train on more pictures",
        )
