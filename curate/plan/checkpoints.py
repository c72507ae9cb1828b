"""Which saved files a plan writes, and which to try first."""

from __future__ import annotations

from math import ceil

from curate.plan.constants import MOST_SAVES
from curate.plan.records import Checkpoint, Judgement, Schedule
from curate.trainers import Trainer

WANTED = 3  # saved files that the sound range should hold
USUAL = 10  # saved files of a run that does not reach the sound range
ROUND_STEPS = (1000, 500, 250, 200, 100, 50, 25, 20, 10, 5, 1)  # steps between saves that people like to read


def interval(trainer: Trainer, schedule: Schedule, judgement: Judgement) -> int:
    """Epochs (steps where the trainer counts steps) between saves, so that the sound range holds at least three."""
    first, last = judgement.sound_steps
    width = min(last, schedule.steps) - min(first, schedule.steps)
    width = width if width > 0 else schedule.steps * WANTED // USUAL
    if trainer.budget == "epochs":
        per_epoch = schedule.steps / schedule.epochs
        return max(1, int(width / per_epoch / WANTED), ceil(schedule.epochs / MOST_SAVES))
    most = max(1, width // WANTED, ceil(schedule.steps / MOST_SAVES))
    return next(n for n in ROUND_STEPS if n <= most)


def checkpoints(
    trainer: Trainer, name: str, schedule: Schedule, judgement: Judgement, every: int
) -> tuple[Checkpoint, ...]:
    """The saved files in order, with the exposures of each and the one or two to look at first."""
    saves = _saves(trainer, schedule, every)
    per_step = judgement.cap / judgement.sound_steps[1] if judgement.sound_steps[1] else 0.0
    middle = (judgement.sound[0] + judgement.sound[1]) / 2
    seen = [step * per_step for _, step in saves]
    first = min(range(len(saves)), key=lambda i: abs(seen[i] - middle))
    wanted = {first}
    later = [i for i in range(first + 1, len(saves)) if seen[i] <= judgement.sound[1]]
    if later:
        wanted.add(later[-1])
    return tuple(
        Checkpoint(
            name=trainer.checkpoint(name, epoch, step),
            epoch=epoch,
            step=step,
            per_effective_image=seen[i],
            look_first=i in wanted,
        )
        for i, (epoch, step) in enumerate(saves)
    )


def _saves(trainer: Trainer, schedule: Schedule, every: int) -> list[tuple[int, int]]:
    """Epoch and step of each save; the last is the end of the run."""
    if trainer.budget == "epochs":
        epochs = [*range(every, schedule.epochs, every), schedule.epochs]
        return [(epoch, schedule.steps * epoch // schedule.epochs) for epoch in epochs]
    steps = [*range(every, schedule.steps, every), schedule.steps]
    return [(ceil(step / schedule.steps_per_epoch), step) for step in steps]
