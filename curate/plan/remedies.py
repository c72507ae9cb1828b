"""What to do when a set is seen too often: the remedies with this set's numbers, cheapest first.

Evidence: "measured in miniature" is a study of a tiny diffusion model on digits that it had never seen (held-out loss;
it shows the direction and rough size, no constants of real models); "reported" is what guides and threads say;
"believed" is common advice without either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from curate.plan.constants import SAMPLES_FLOOR
from curate.plan.records import Exposures, Judgement, PlanInputs, Remedy, Schedule
from curate.plan.views_wanted import wanted
from curate.plan.wording import plural
from curate.trainers import Trainer

LEAST_HELD_OUT = 2  # pictures: the loss of one says more of that picture than of the training
FEW = 10  # pictures: of fewer, two held out are more than a fifth of what there is to learn from
HALF_RATE_GAIN = 1.7  # times later the optimum at half the learning rate; six runs 1.19-2.83, tiny model, N = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the remedies are computed from."""

    inputs: PlanInputs
    trainer: Trainer
    schedule: Schedule
    exposures: Exposures
    judgement: Judgement
    rate: float  # learning rate
    steps_with_regularisation: int | None  # of the same repeats and epochs, with one picture for each own

    @property
    def over(self) -> float:
        """How many times too often each effective image is seen."""
        return self.exposures.per_effective_image / self.judgement.cap

    @property
    def needed(self) -> float:
        """Effective images that these samples want."""
        return self.schedule.samples / self.judgement.cap


def remedies(situation: Situation) -> tuple[Remedy, ...]:
    """Nothing where the plan is sound; more steps where it is short; else everything that helps against too often."""
    verdict = situation.judgement.verdict
    if verdict == "sound":
        return ()
    if verdict == "under_trained" and situation.over <= 1:
        return (_more_pictures(situation) if situation.judgement.window_empty else _more_steps(situation),)
    return tuple(_against_too_often(situation))


def _more_steps(s: Situation) -> Remedy:
    first, last = s.judgement.sound_steps
    return Remedy(
        what="more steps",
        text=f"{first:,} to {last:,} steps reach the sound range.",
        value=first,
        unit="optimizer steps",
        evidence="published recipes see each picture of a subject 40 to 200 times; not fitted",
        mark="reported",
    )


def _against_too_often(s: Situation) -> Iterator[Remedy]:
    yield _fewer_steps(s)
    yield _more_pictures(s)
    yield _lower_rate(s)
    if s.trainer.notes.regularisation:
        yield _regularisation(s)
    if s.trainer.notes.random_crop:
        yield Remedy(
            what="crop jitter",
            text=f"{s.trainer.notes.random_crop} shows another cut of a picture each time.",
            value=None,
            unit="",
            evidence="optimum later, but a quarter of the gain lost on centred digits: only for off-centre results",
            mark="measured in miniature",
        )
    yield Remedy(
        what="weight decay",
        text="A weight decay of 1 instead of .01 delays overfitting a little.",
        value=1.0,
        unit="weight decay (AdamW)",
        evidence="optimum 1.06 times later (1.00 to 1.19), 1.5 % more gain",
        mark="measured in miniature",
    )
    yield from _shares(s)
    yield _validation(s)


def _validation(s: Situation) -> Remedy:
    """A tenth of the pictures, two at the least, held out."""
    pictures, way = len(s.inputs.sizes), s.trainer.notes.validation
    count = max(LEAST_HELD_OUT, round(pictures / 10))
    text = f"Hold {count} pictures out ({way}): held-out loss is the only early signal."
    if pictures < FEW:
        text = (
            f"{plural(pictures, 'picture')} {'is' if pictures == 1 else 'are'} too few to hold any out: take {count} "
            "more of the same kind that are never trained on, since held-out loss is the only early signal."
        )
    elif not way:
        text = (
            f"Keep {count} pictures out of the folder: {s.trainer.title} measures no held-out loss, which is the only "
            "early signal, so set its saved files beside them by eye."
        )
    return Remedy(
        what="validation",
        text=text,
        value=count,
        unit="pictures",
        evidence="memorised pictures show only at 6 to 27 times the optimum (2 to 10 pictures), held-out loss at once",
        mark="measured in miniature",
    )


def _fewer_steps(s: Situation) -> Remedy:
    steps = s.judgement.sound_steps[1]
    text = f"Stop at {steps:,} of {s.schedule.steps:,} steps, or try the files saved up to there."
    if s.judgement.window_empty:
        text = (
            f"At most {steps:,} of {s.schedule.steps:,} steps, but that is {steps * _per_step(s):,.0f} samples and "
            f"under about {SAMPLES_FLOOR.value:.0f} little is learnt: no setting rescues so few different pictures."
        )
    return Remedy(
        what="fewer steps",
        text=text,
        value=steps,
        unit="optimizer steps",
        evidence="at 10,000 samples 20 pictures kept a quarter of the gain on one digit, none on the other",
        mark="measured in miniature",
    )


def _more_pictures(s: Situation) -> Remedy:
    needed = max(s.needed, SAMPLES_FLOOR.value / s.judgement.cap)
    missing = max(0, ceil(needed - s.exposures.sampled_diversity))
    text = f"Effective images for this budget: {needed:.0f}, {missing} more than there are; copies do not count."
    if s.inputs.gaps:
        text += f" Views that are wanted most: {wanted(s.inputs.gaps)}."
    return Remedy(
        what="more different pictures",
        text=text,
        value=missing,
        unit="effective images",
        evidence="at 10,000 samples fewer pictures were worse in every run; copies were worth nothing",
        mark="measured in miniature",
    )


def _lower_rate(s: Situation) -> Remedy:
    rate = s.rate / max(s.over, 1)
    return Remedy(
        what="lower learning rate",
        text=f"{rate:.2g} instead of {s.rate:.2g} by the usual rule (rate x alpha / rank counts: raising alpha and "
        "lowering the rate cancel out).",
        value=rate,
        unit="learning rate",
        evidence=f"half the rate moved the optimum {HALF_RATE_GAIN} times later (1.2 to 2.8)",
        mark="measured in miniature",
    )


def _regularisation(s: Situation) -> Remedy:
    count = len(s.inputs.sizes)
    steps = s.steps_with_regularisation
    effect = f" With the same repeats and epochs {s.schedule.steps:,} steps become {steps:,}." if steps else ""
    return Remedy(
        what="regularisation",
        text=f"About {plural(count, 'picture')} of the class, one for each of yours and as often, halve what "
        f"yours take of a step. {s.trainer.notes.regularisation}{effect}",
        value=count,
        unit="pictures",
        evidence="mixed in guides; in miniature a 1:1 mix: optimum 2.7 times later (1.2 to 6.7), 6 % more gain",
        mark="reported",
    )


def _shares(s: Situation) -> Iterator[Remedy]:
    """Weights help where some pictures are drawn more often than they are different."""
    won = s.inputs.effective_images / s.exposures.sampled_diversity
    if won > 1.1 and s.inputs.compared:
        yield Remedy(
            what="shares",
            text=f"Give look-alikes fewer repeats, in a subset of their own: up to {won:.1f} times more room.",
            value=won,
            unit="times the effective images as drawn",
            evidence="20 pictures, one of them 81 times, were worth 2; drawn by weight 18",
            mark="measured in miniature",
        )


def _per_step(s: Situation) -> float:
    return s.schedule.samples / s.schedule.steps
