"""What is asked of a plan, with everything filled in that the user left open."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from curate.errors import PlanError
from curate.plan.constants import ADAPTIVE, MOST_STEPS, REFERENCE_RATE, Constant, exposures
from curate.plan.records import PlanInputs, PlanSettings
from curate.plan.search import Set, prepare
from curate.plan.wording import plural
from curate.trainers import Base, Trainer, base, get
from curate.trainers.base import Options, Resolution
from curate.trainers.count import check


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The inputs with everything filled in that the user left open."""

    inputs: PlanInputs
    trainer: Trainer
    base: Base
    resolution: Resolution
    options: Options
    set: Set
    rate: float  # learning rate
    effective_rate: float
    e0: Constant

    @property
    def settings(self) -> PlanSettings:
        return self.inputs.settings


def asked(inputs: PlanInputs) -> Question:
    settings = inputs.settings
    if not inputs.sizes:
        raise PlanError("There are no pictures to train on", "Scan a folder that holds some")
    if (settings.target_steps is None) == (settings.epochs is None):
        raise PlanError("Either a number of steps or a number of epochs decides a plan", "Give one of them, not both")
    if settings.repeats is not None and settings.epochs is None:
        raise PlanError(
            "repeats are what a plan finds for a number of steps", "Give them with epochs, or leave them out"
        )
    _check_numbers(settings)
    pictures = len(inputs.sizes)
    if settings.batch_size != "auto" and not 1 <= settings.batch_size <= pictures:
        raise PlanError(
            f"batch size {settings.batch_size} does not fit a set of {plural(pictures, 'picture')}",
            f"Give 1 to {pictures}; 1 to 8 is usual" if pictures > 1 else "Give 1",
        )
    trainer, model = get(settings.trainer), base(settings.base)
    resolution = model.resolution if settings.resolution is None else settings.resolution
    side = resolution if isinstance(resolution, int) else model.resolution
    if isinstance(resolution, tuple):
        side = max(resolution)
    options = {**trainer.curate_options(side, model), **settings.options}
    rate = model.learning_rate if settings.learning_rate is None else settings.learning_rate
    alpha = settings.rank if settings.alpha is None else settings.alpha
    if not (0 < rate < inf and 0 < alpha < inf and rate * alpha / settings.rank > 0):
        raise PlanError(f"learning rate {rate:g} with alpha {alpha:g} trains nothing", "Give both above 0")
    adaptive = settings.optimizer.lower().startswith(ADAPTIVE)
    found = prepare(trainer, inputs, resolution, options)
    check(trainer, found.laid.run)
    return Question(
        inputs=inputs,
        trainer=trainer,
        base=model,
        resolution=resolution,
        options=options,
        set=found,
        rate=rate,
        effective_rate=REFERENCE_RATE if adaptive else rate * alpha / settings.rank,
        e0=exposures(settings.preset),
    )


def _check_numbers(settings: PlanSettings) -> None:
    """Raises PlanError for counts below 1, and for such as no run reaches."""
    for name, value in (("target steps", settings.target_steps), ("epochs", settings.epochs), ("rank", settings.rank)):
        if value is not None and value < 1:
            raise PlanError(f"{name} is {value}", "Give a whole number of at least 1")
    if settings.target_steps is not None and settings.target_steps > MOST_STEPS:
        raise PlanError(f"a target of {settings.target_steps} steps is more than {MOST_STEPS:,}", "Lower the target")
    if settings.repeats is not None and not 0 < settings.repeats < inf:
        raise PlanError(f"repeats is {settings.repeats:g}", "Give a number above 0")
