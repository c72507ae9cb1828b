"""One schedule for a question, with the exposures and the verdict that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from curate.errors import PlanError
from curate.plan.constants import MOST_SAVES, MOST_STEPS
from curate.plan.exposure import judge
from curate.plan.question import Question
from curate.plan.records import Exposures, Judgement, PlanSettings, Schedule
from curate.plan.search import Found, at, nearest
from curate.trainers import Steps, Trainer
from curate.trainers.count import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One schedule with what follows from it."""

    found: Found
    schedule: Schedule
    exposures: Exposures
    judgement: Judgement
    steps: Steps


def answer_at(question: Question, batch_size: int, most_epochs: int | None = None) -> Answer:
    """The schedule at this batch size: for the target nearest to it, else what the epochs that are set give.

    Raises PlanError and TrainerError where there is none.
    """
    settings = question.settings
    if settings.epochs is not None:
        scale = _scale(question, settings)
        found = at(question.set, batch_size, scale, settings.epochs)
        if not found.steps:
            raise PlanError(f"Nothing is left to train on at batch size {batch_size}", "Lower the batch size")
        if found.steps > MOST_STEPS:
            raise PlanError(f"{settings.epochs} epochs are more than {MOST_STEPS:,} steps", "Give fewer epochs")
    else:
        found = nearest(question.set, settings.target_steps or 0, batch_size, most_epochs or MOST_SAVES)
    return _evaluated(question, found, batch_size)


def _scale(question: Question, settings: PlanSettings) -> int:
    if settings.repeats is None:
        return question.set.own
    if settings.repeats > 0 and settings.repeats != int(settings.repeats) and not question.trainer.whole_repeats:
        return 1  # the fraction is in the subsets already
    if settings.repeats != int(settings.repeats) or settings.repeats < 1:
        raise PlanError(f"repeats is {settings.repeats:g}", "Give a whole number of at least 1")
    return int(settings.repeats)


def _evaluated(question: Question, found: Found, batch_size: int) -> Answer:
    run = replace(found.laid.run, epochs=None if found.limit else found.epochs, max_train_steps=found.limit)
    laid = replace(found.laid, run=run)
    pictures = len(question.inputs.sizes)
    steps = counted(question.trainer, laid, found.epoch, pictures)
    own = found.epoch.samples - found.epoch.regularisation
    per_step = own / _mean_steps(question.trainer, found)
    samples = per_step * steps.steps
    diversity = _sampled(question, found, steps)
    own_subsets = [p.subset for pool in laid.pools for p in pool.parts if not p.subset.regularisation]
    repeats = tuple(subset.repeats * found.scale for subset in own_subsets)
    schedule = Schedule(
        repeats=min(repeats),
        subset_repeats=repeats,
        subset_names=tuple(subset.name for subset in own_subsets),
        epochs=steps.epochs,
        batch_size=batch_size,
        steps=steps.steps,
        max_steps=found.limit,
        batches_per_epoch=steps.batches_per_epoch,
        steps_per_epoch=steps.steps_per_epoch,
        samples=round(samples),
    )
    seen = Exposures(per_file=samples / pictures, per_effective_image=samples / diversity, sampled_diversity=diversity)
    judgement = judge(samples, diversity, question.effective_rate, question.e0, per_step)
    return Answer(found=found, schedule=schedule, exposures=seen, judgement=judgement, steps=steps)


def _mean_steps(trainer: Trainer, found: Found) -> float:
    """Optimizer steps an epoch, also where an accumulation goes on into the next."""
    epochs = 1000
    return trainer.total(replace(found.laid.run, epochs=epochs), found.epoch).steps / epochs


def _sampled(question: Question, found: Found, steps: Steps) -> float:
    """Effective images as drawn: with this plan's repeats, dropped and padded entries where that can be asked."""
    given = question.inputs.sampled_diversity
    if not callable(given):
        return question.inputs.effective_images if given is None else given
    repeats = [0.0] * len(question.inputs.sizes)
    for pool in found.laid.pools:
        for part in pool.parts:
            if not part.subset.regularisation:
                for row in part.subset.pictures:
                    repeats[row] += part.subset.repeats * found.scale
    draws = [
        max(0.0, times - steps.dropped.get(row, 0) + steps.padded.get(row, 0)) if steps.bucket_of_picture[row] else 0.0
        for row, times in enumerate(repeats)
    ]
    total = sum(draws)
    return given([n / total for n in draws])
