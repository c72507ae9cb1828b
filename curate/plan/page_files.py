"""The page's section on saved files."""

from __future__ import annotations

from collections.abc import Iterator

from curate.plan.checkpoints import WANTED
from curate.plan.constants import MOST_SAVES
from curate.plan.records import Checkpoint, Plan
from curate.plan.wording import plural
from curate.trainers import get

LISTED = 7  # saved files in a row; the second to look at first may stand after them
BEFORE = 2  # of them before the one to look at first


def saved_files(plan: Plan) -> Iterator[str]:
    """The interval of saving in the trainer's own field, the files near the sound range, and those to try first."""
    files = plural(len(plan.checkpoints), "file")
    yield f"  {_interval(plan)}: {files}. Exposures are those of each different picture up to it."
    yield from _reservations(plan)
    chosen = _chosen(plan)
    wide = max(len(saved.name) for saved in chosen)
    yield f"    {'file':<{wide}}  epoch    step  exposures"
    marks = iter(("  <- look first", "  <- then this"))
    for saved in chosen:
        mark = next(marks, "") if saved.look_first else ""
        yield f"    {saved.name:<{wide}}  {saved.epoch:>5}  {saved.step:>6}  {saved.per_effective_image:>9.0f}{mark}"
    if len(plan.checkpoints) > len(chosen):
        yield f"    and {len(plan.checkpoints) - len(chosen)} more"


def _interval(plan: Plan) -> str:
    """The trainer's field with its value, and the unit where the field does not tell it."""
    fields, every, together = get(plan.trainer).fields, plan.save_every, plan.settings.gradient_accumulation
    name, unit = fields.save_every, str(plan.save_unit)
    if unit == "steps" and fields.save_every_steps:
        name = fields.save_every_steps
        if fields.saves_count_batches and together > 1:
            every, unit = every * together, f"batches, which are {plural(every, 'step')}"
    return f"{name} = {every}" + ("" if unit.rstrip("s") in name.lower() else f" ({unit})")


def _reservations(plan: Plan) -> Iterator[str]:
    """Why there are so many, or so few in the sound range."""
    first, last = plan.judgement.sound_steps
    if len(plan.checkpoints) > MOST_SAVES:
        yield (
            "  So many because the sound range is a small part of this run: stop it after step "
            f"{last:,}, and the files after that are not needed."
        )
    held = sum(first <= saved.step <= last for saved in plan.checkpoints)
    if held < WANTED and first <= plan.schedule.steps < last:
        each = plan.save_every * (plan.schedule.steps_per_epoch if plan.save_unit == "epochs" else 1)
        wanted = min(last, round((first // each + WANTED) * each))
        yield f"  The run ends soon after the sound range begins: with {wanted:,} steps three of its files lie in it."


def _chosen(plan: Plan) -> list[Checkpoint]:
    """A few in a row round the first to look at, and the other one to look at wherever it is."""
    saved = plan.checkpoints
    first = next((i for i, one in enumerate(saved) if one.look_first), 0)
    start = max(0, min(first - BEFORE, len(saved) - LISTED))
    rows = {*range(start, min(len(saved), start + LISTED)), *(i for i, one in enumerate(saved) if one.look_first)}
    return [saved[i] for i in sorted(rows)]
