"""Which saved files a plan writes, and which to try first.

Saved files are chosen so that the sound range holds at least three. A trainer that counts epochs saves after epochs as
long as these are fine enough, else after steps, which all of them can count. Where a run goes far beyond its sound
range that can take more than fifty files; a run that ends within its range writes no more than fifty, so that a range
that it barely enters holds fewer than three, which the page says. Where no number of steps is sound, fifty are most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from curate.plan.constants import MOST_SAVES
from curate.plan.records import Checkpoint, Judgement, Schedule
from curate.trainers import Trainer
from curate.trainers.base import Save, SaveUnit

WANTED = 3  # saved files that the sound range should hold
USUAL = 10  # saved files of a run that does not reach the sound range
_ROUND = (1000, 750, 500, 400, 300, 250, 200, 150, 125)
ROUND_STEPS = (
    *(n * times for times in (1000, 100, 10, 1) for n in _ROUND if n * times > 1000),
    *_ROUND,
    *(100, 75, 50, 40, 30, 25, 20, 15, 10, 5, 4, 3, 2, 1),
)
"""Steps between saves that people like to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A run, as far as it decides what is saved when."""

    trainer: Trainer
    schedule: Schedule
    judgement: Judgement
    gradient_accumulation: int  # batches a step
    epoch_batches: int  # batches that one process takes in an epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """How often a file is saved."""

    every: int
    unit: SaveUnit


def interval(course: Course) -> Interval:
    """The interval between saves that gives the sound range at least three files, as far as the module says."""
    after_steps = Interval(every=_steps(course), unit="steps")
    if course.trainer.budget == "steps" or course.schedule.max_steps:
        return after_steps
    after_epochs = Interval(every=_epochs(course), unit="epochs")
    held = _held(course, after_epochs)
    return after_epochs if held >= WANTED or held >= _held(course, after_steps) else after_steps


def checkpoints(course: Course, name: str, found: Interval) -> tuple[Checkpoint, ...]:
    """The saved files in order, with the exposures of each and the one or two to look at first."""
    judgement = course.judgement
    saves = list(_saves(course, found))
    per_step = judgement.cap / judgement.sound_steps[1] if judgement.sound_steps[1] else 0.0
    middle = (judgement.sound[0] + judgement.sound[1]) / 2
    seen = [save.step * per_step for save in saves]
    first = min(range(len(saves)), key=lambda i: abs(seen[i] - middle))
    wanted = {first}
    later = [i for i in range(first + 1, len(saves)) if saves[i].step <= judgement.sound_steps[1]]
    if later:
        wanted.add(later[-1])
    return tuple(
        Checkpoint(
            name=course.trainer.checkpoint(name, save),
            epoch=save.epoch,
            step=save.step,
            per_effective_image=seen[i],
            look_first=i in wanted,
        )
        for i, save in enumerate(saves)
    )


def _epochs(course: Course) -> int:
    schedule = course.schedule
    per_epoch = schedule.steps / schedule.epochs
    return max(1, int(_width(course) / per_epoch / WANTED), ceil(schedule.epochs / MOST_SAVES))


def _steps(course: Course) -> int:
    steps = course.schedule.steps
    most = max(1, _width(course) // WANTED, ceil(steps / MOST_SAVES))
    usual = next(n for n in ROUND_STEPS if n <= most)
    first, last = course.judgement.sound_steps
    can_hold = last - max(first, 1) + 1 >= WANTED  # not where no number of steps is sound
    if steps <= last or not can_hold or _held(course, Interval(every=usual, unit="steps")) >= WANTED:
        return usual
    return next((n for n in ROUND_STEPS if _held(course, Interval(every=n, unit="steps")) >= WANTED), 1)


def _width(course: Course) -> int:
    """Steps of the sound range that the run goes through; a share of the run where it goes through none."""
    (first, last), steps = course.judgement.sound_steps, course.schedule.steps
    width = min(last, steps) - min(first, steps)
    return width if width > 0 else steps * WANTED // USUAL


def _held(course: Course, found: Interval) -> int:
    """Saved files in the sound range."""
    (first, last), schedule = course.judgement.sound_steps, course.schedule
    if found.unit == "epochs":
        return sum(first <= save.step <= last for save in _saves(course, found))
    before = min(last, schedule.steps - 1) // found.every - max(0, first - 1) // found.every
    return max(0, before) + (first <= schedule.steps <= last)


def _saves(course: Course, found: Interval) -> Iterator[Save]:
    """Each save; the last is the end of the run."""
    schedule, every = course.schedule, found.every
    ends = schedule.epochs if found.unit == "epochs" else schedule.steps
    for at in (*range(every, ends, every), ends):
        epoch, step = at, schedule.steps * at // schedule.epochs
        if found.unit == "steps":
            epoch, step = ceil(at / schedule.steps_per_epoch), at
        yield Save(
            unit=found.unit,
            epoch=epoch,
            step=step,
            ended=at == ends,
            gradient_accumulation=course.gradient_accumulation,
            epoch_batches=course.epoch_batches,
            epoch_steps=schedule.steps_per_epoch,
        )
