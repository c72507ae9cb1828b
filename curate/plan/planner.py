"""What to set, what that does to the pictures, and whether it is too often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from curate.errors import CurateError, PlanError, TrainerError
from curate.plan.checkpoints import checkpoints, interval
from curate.plan.constants import (
    ADAPTIVE,
    AUTO_BATCHES,
    FEWEST_SAVES,
    GROWTH_FROM,
    REFERENCE_RATE,
)
from curate.plan.exposure import judge
from curate.plan.question import Question, asked
from curate.plan.records import (
    Alternative,
    Exposures,
    Judgement,
    Plan,
    PlanInputs,
    PlanSettings,
    RegularisationSet,
    Schedule,
)
from curate.plan.remedies import Situation, remedies
from curate.plan.search import Found, at, nearest, prepare
from curate.plan.treatment import treatments
from curate.trainers import Steps, Trainer
from curate.trainers.count import counted

MANY_RANKS = 32  # rank above which a small set is warned: SimpleTuner's and community guides
FEW_SAVES = 10  # epochs of the alternative with fewer saved files


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """One schedule with what follows from it."""

    found: Found
    schedule: Schedule
    exposures: Exposures
    judgement: Judgement
    steps: Steps


def recommend(inputs: PlanInputs) -> Plan:
    """The plan for a set: repeats, epochs, batch size and true steps, exposures, verdict and advice.

    Raises PlanError for a budget that cannot be met and for contradicting settings, TrainerError for a trainer, base or
    option that is unknown or refused.
    """
    question = asked(inputs)
    answer = _chosen(question)
    judgement, schedule = answer.judgement, answer.schedule
    every = interval(question.trainer, schedule, judgement)
    situation = Situation(
        inputs=inputs,
        trainer=question.trainer,
        schedule=schedule,
        exposures=answer.exposures,
        judgement=judgement,
        rate=question.rate,
        steps_with_regularisation=_regularised(question, answer),
    )
    return Plan(
        settings=question.settings,
        target_steps=question.settings.target_steps,
        trainer=question.trainer.name,
        base=question.base.name,
        resolution=question.resolution,
        options=question.options,
        learning_rate=question.rate,
        effective_rate=question.effective_rate,
        pictures=len(inputs.sizes),
        effective_images=inputs.effective_images,
        effective_range=(inputs.low, inputs.high),
        schedule=schedule,
        exposures=answer.exposures,
        judgement=judgement,
        alternatives=tuple(_alternatives(question, answer)),
        remedies=remedies(situation),
        warnings=tuple(_warnings(question, answer)),
        steps=answer.steps,
        treatments=treatments(inputs, answer.steps),
        checkpoints=checkpoints(question.trainer, question.settings.name, answer.schedule, judgement, every),
        subjects=inputs.subjects,
        as_they_lie=inputs.as_they_lie,
        concerned=inputs.concerned,
        save_every=every,
    )


def _chosen(question: Question) -> _Answer:
    """The answer at the batch size that is set; for auto the largest that stays sound, else 1."""
    settings = question.settings
    if settings.batch_size != "auto":
        return _answer(question, settings.batch_size)
    for batch_size in AUTO_BATCHES:
        if batch_size > len(question.inputs.sizes):
            continue
        try:
            answer = _answer(question, batch_size)
        except CurateError:
            if batch_size == AUTO_BATCHES[-1]:
                raise
            continue
        if answer.judgement.verdict == "sound" or batch_size == AUTO_BATCHES[-1]:
            return answer
    return _answer(question, 1)


def _answer(question: Question, batch_size: int, most_epochs: int | None = None) -> _Answer:
    settings = question.settings
    if settings.epochs is not None:
        scale = _scale(question, settings)
        found = at(question.set, batch_size, scale, settings.epochs)
        if not found.steps:
            raise PlanError(f"Nothing is left to train on at batch size {batch_size}", "Lower the batch size")
        limit = None
    else:
        target = settings.target_steps or 0
        found = nearest(question.set, target, batch_size, *([most_epochs] if most_epochs else []))
        limit = target if question.trainer.budget == "steps" else None
    return _evaluated(question, found, batch_size, limit)


def _scale(question: Question, settings: PlanSettings) -> int:
    if settings.repeats is None:
        return question.set.own
    if settings.repeats > 0 and settings.repeats != int(settings.repeats) and not question.trainer.whole_repeats:
        return 1  # the fraction is in the subsets already
    if settings.repeats != int(settings.repeats) or settings.repeats < 1:
        raise PlanError(f"repeats is {settings.repeats:g}", "Give a whole number of at least 1")
    return int(settings.repeats)


def _evaluated(question: Question, found: Found, batch_size: int, limit: int | None) -> _Answer:
    run = replace(found.laid.run, epochs=None if limit else found.epochs, max_train_steps=limit)
    laid = replace(found.laid, run=run)
    pictures = len(question.inputs.sizes)
    steps = counted(question.trainer, laid, found.epoch, pictures)
    own = found.epoch.samples - found.epoch.regularisation
    per_step = own / _mean_steps(question.trainer, found)
    samples = per_step * steps.steps
    diversity = _sampled(question, found, steps)
    repeats = tuple(
        part.subset.repeats * found.scale
        for pool in laid.pools
        for part in pool.parts
        if not part.subset.regularisation
    )
    schedule = Schedule(
        repeats=min(repeats),
        subset_repeats=repeats,
        epochs=steps.epochs,
        batch_size=batch_size,
        steps=steps.steps,
        max_steps=limit,
        batches_per_epoch=steps.batches_per_epoch,
        steps_per_epoch=steps.steps_per_epoch,
        samples=round(samples),
    )
    seen = Exposures(per_file=samples / pictures, per_effective_image=samples / diversity, sampled_diversity=diversity)
    judgement = judge(samples, diversity, question.effective_rate, question.e0, per_step)
    return _Answer(found=found, schedule=schedule, exposures=seen, judgement=judgement, steps=steps)


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


def _regularised(question: Question, answer: _Answer) -> int | None:
    """Steps of this schedule with as many regularisation pictures as there are own ones; None where there are some."""
    trainer, inputs = question.trainer, question.inputs
    if inputs.regularisation or not trainer.notes.regularisation:
        return None
    extra = replace(inputs, regularisation=(RegularisationSet(sizes=inputs.sizes),))
    try:
        found = prepare(trainer, extra, question.resolution, question.options)
        return at(found, answer.schedule.batch_size, answer.found.scale, answer.schedule.epochs).steps
    except TrainerError:
        return None


def _alternatives(question: Question, answer: _Answer) -> Iterator[Alternative]:
    """Other batch sizes and fewer saved files, where they give something else."""
    settings, schedule = question.settings, answer.schedule
    tries: list[tuple[str, int, int | None]] = [
        (f"batch {size}", size, None)
        for size in sorted(AUTO_BATCHES)
        if size != schedule.batch_size and size <= len(question.inputs.sizes)
    ]
    if settings.target_steps is not None and schedule.epochs > FEW_SAVES:
        tries.append(("fewer saves", schedule.batch_size, FEW_SAVES))
    seen = {(schedule.repeats, schedule.epochs, schedule.batch_size)}
    for what, batch_size, most in tries[-3:]:
        try:
            other = _answer(question, batch_size, most)
        except CurateError:
            continue
        key = (other.schedule.repeats, other.schedule.epochs, other.schedule.batch_size)
        if key not in seen:
            seen.add(key)
            yield Alternative(
                what=what, schedule=other.schedule, exposures=other.exposures, verdict=other.judgement.verdict
            )


def _warnings(question: Question, answer: _Answer) -> Iterator[str]:
    settings, schedule = question.settings, answer.schedule
    yield from settings.notes
    yield from answer.steps.warnings
    refused = [i for i, bucket in enumerate(answer.steps.bucket_of_picture) if bucket is None]
    if refused:
        names = [question.inputs.paths[i] if question.inputs.paths else f"picture {i + 1}" for i in refused[:3]]
        yield f"{question.trainer.title} refuses {len(refused)} pictures as too small: {', '.join(names)}."
    if settings.target_steps and schedule.steps != settings.target_steps:
        away = abs(schedule.steps - settings.target_steps) / settings.target_steps
        if away > 0.1:
            yield (
                f"{schedule.steps} steps are {away:.0%} off the target: {FEWEST_SAVES} epochs at the least and whole "
                "repeats allow nothing nearer at this batch size."
            )
    if settings.rank > MANY_RANKS and answer.exposures.sampled_diversity < GROWTH_FROM * 1.5:
        yield f"Rank {settings.rank} is high for so few different pictures: 8 to 32 is usual."
    if settings.optimizer.lower().startswith(ADAPTIVE):
        yield f"{settings.optimizer} sets its own learning rate: the verdict assumes the usual {REFERENCE_RATE:g}."
