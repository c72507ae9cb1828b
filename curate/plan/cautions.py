"""What the user should know of a plan, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator

from curate.plan.answer import Answer
from curate.plan.constants import ADAPTIVE, FEWEST_SAVES, GROWTH_FROM, REFERENCE_RATE
from curate.plan.question import Question
from curate.plan.wording import plural, shown

MANY_RANKS = 32  # rank above which a small set is warned: SimpleTuner's and community guides


def cautions(question: Question, answer: Answer) -> Iterator[str]:
    settings, schedule = question.settings, answer.schedule
    yield from settings.notes
    yield from question.inputs.notes
    if not question.inputs.compared:
        yield (
            "Effective images were not measured (--model none): this is planned as if no two of the "
            f"{plural(len(question.inputs.sizes), 'picture')} were alike, so look-alikes are seen more often than it "
            "says."
        )
    yield from answer.steps.warnings
    refused = [i for i, bucket in enumerate(answer.steps.bucket_of_picture) if bucket is None]
    if refused:
        paths = question.inputs.paths
        names = [shown(paths[i]) if paths else f"picture {i + 1}" for i in refused[:3]]
        yield f"{question.trainer.title} refuses {plural(len(refused), 'picture')} as too small: {', '.join(names)}."
    if answer.found.limit and question.trainer.budget == "epochs":
        yield (
            f"The target is less than {FEWEST_SAVES} epochs of this set: "
            f"{question.trainer.fields.steps} ends the run, not {question.trainer.fields.epochs}."
        )
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
