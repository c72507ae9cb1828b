"""What to set, what that does to the pictures, and whether it is too often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from curate.errors import CurateError, TrainerError
from curate.plan.answer import Answer, answer_at
from curate.plan.cautions import cautions
from curate.plan.checkpoints import Course, checkpoints, interval
from curate.plan.constants import AUTO_BATCHES
from curate.plan.question import Question, asked
from curate.plan.records import Alternative, Plan, PlanInputs, RegularisationSet
from curate.plan.remedies import Situation, remedies
from curate.plan.search import at, prepare
from curate.plan.treatment import treatments

FEW_SAVES = 10  # epochs of the alternative with fewer saved files


def recommend(inputs: PlanInputs) -> Plan:
    """The plan for a set: repeats, epochs, batch size and true steps, exposures, verdict and advice.

    Raises PlanError for a budget that cannot be met and for contradicting settings, TrainerError for a trainer, base or
    option that is unknown or refused.
    """
    question = asked(inputs)
    answer = _chosen(question)
    judgement, schedule = answer.judgement, answer.schedule
    course = Course(
        trainer=question.trainer,
        schedule=schedule,
        judgement=judgement,
        gradient_accumulation=question.settings.gradient_accumulation,
        epoch_batches=answer.found.epoch.per_process,
    )
    saved = interval(course)
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
        warnings=tuple(cautions(question, answer)),
        steps=answer.steps,
        treatments=treatments(inputs, answer.steps),
        checkpoints=checkpoints(course, question.settings.name, saved),
        subjects=inputs.subjects,
        as_they_lie=inputs.as_they_lie,
        concerned=inputs.concerned,
        save_every=saved.every,
        save_unit=saved.unit,
        gaps=inputs.gaps,
        regularisation=sum(len(one.sizes) for one in inputs.regularisation),
        compared=inputs.compared,
    )


def _chosen(question: Question) -> Answer:
    """The answer at the batch size that is set; for auto the largest that stays sound, else 1.

    Where 1 cannot meet the target, since it is less than an epoch, the smallest that can is taken.
    """
    settings = question.settings
    if settings.batch_size != "auto":
        return answer_at(question, settings.batch_size)
    found: list[Answer] = []
    for batch_size in AUTO_BATCHES:
        if batch_size > len(question.inputs.sizes):
            continue
        try:
            found.append(answer_at(question, batch_size))
        except CurateError:
            if batch_size == AUTO_BATCHES[-1] and not found:
                raise
            continue
        if found[-1].judgement.verdict == "sound":
            break
    return found[-1]


def _regularised(question: Question, answer: Answer) -> int | None:
    """Steps of this schedule with as many regularisation pictures as there are own ones.

    None where there are some, where the trainer knows none, and where nothing is seen too often.
    """
    trainer, inputs, judgement = question.trainer, question.inputs, answer.judgement
    few = answer.exposures.per_effective_image <= judgement.cap and judgement.verdict in ("sound", "under_trained")
    if few or inputs.regularisation or not trainer.notes.regularisation:
        return None
    repeats = answer.schedule.repeats
    extra = replace(inputs, regularisation=(RegularisationSet(sizes=inputs.sizes, repeats=repeats),))
    try:
        found = prepare(trainer, extra, question.resolution, question.options)
        return at(found, answer.schedule.batch_size, answer.found.scale, answer.schedule.epochs).steps
    except TrainerError:
        return None


def _alternatives(question: Question, answer: Answer) -> Iterator[Alternative]:
    """Other batch sizes and fewer saved files, where they give something else."""
    settings, schedule = question.settings, answer.schedule
    tries: list[tuple[str, int, int | None]] = [
        (f"batch {size}", size, None)
        for size in sorted(AUTO_BATCHES)
        if size != schedule.batch_size and size <= len(question.inputs.sizes)
    ]
    if settings.target_steps is not None and question.trainer.budget == "epochs" and schedule.epochs > FEW_SAVES:
        tries.append(("fewer saves", schedule.batch_size, FEW_SAVES))
    seen = {(schedule.repeats, schedule.epochs, schedule.batch_size)}
    for what, batch_size, most in tries[-3:]:
        try:
            other = answer_at(question, batch_size, most)
        except CurateError:
            continue
        key = (other.schedule.repeats, other.schedule.epochs, other.schedule.batch_size)
        if key not in seen:
            seen.add(key)
            yield Alternative(
                what=what, schedule=other.schedule, exposures=other.exposures, verdict=other.judgement.verdict
            )
