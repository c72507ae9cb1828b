"""The page's section on saved files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from curate.plan.constants import MOST_SAVES
from curate.plan.records import Checkpoint, Plan
from curate.trainers import get

LISTED = 12  # saved files listed before "and n more"


def saved_files(plan: Plan) -> Iterator[str]:
    """The interval of saving in the trainer's own field, the files near the sound range, and those to try first."""
    fields, every, together = get(plan.trainer).fields, plan.save_every, plan.settings.gradient_accumulation
    name, unit = fields.save_every, str(plan.save_unit)
    if unit == "steps" and fields.save_every_steps:
        name = fields.save_every_steps
        if fields.saves_count_batches and together > 1:
            every, unit = every * together, f"batches, which are {every} steps"
    yield (
        f"  {name} = {every} ({unit}): {len(plan.checkpoints)} files, each with the exposures of each different "
        "picture up to it."
    )
    if len(plan.checkpoints) > MOST_SAVES:
        yield (
            f"  So many because the sound range is a small part of this run: stop it after step "
            f"{plan.judgement.sound_steps[1]:,}, and the files after that are not needed."
        )
    chosen = _nearest_sound(plan)
    for saved in chosen:
        mark = "  <- look at this first" if saved.look_first else ""
        seen = f"{saved.per_effective_image:.0f} exposure{'s' * (round(saved.per_effective_image) != 1)}"
        yield f"    {saved.name}: epoch {saved.epoch}, step {saved.step}, {seen}{mark}"
    if len(plan.checkpoints) > len(chosen):
        yield f"    and {len(plan.checkpoints) - len(chosen)} more before or after"


def _nearest_sound(plan: Plan) -> Sequence[Checkpoint]:
    """As many saved files in a row as are listed, those to look at first among them."""
    first = next((i for i, saved in enumerate(plan.checkpoints) if saved.look_first), 0)
    start = max(0, min(first - LISTED // 2, len(plan.checkpoints) - LISTED))
    return plan.checkpoints[start : start + LISTED]
