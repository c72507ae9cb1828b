"""The page's verdict and its section on what a plan does: samples, exposures, and where they lie among the bands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log2

from curate.plan.constants import FAR_OVER, GROWTH_FROM, REFERENCE_RATE, SAMPLES_FLOOR, Verdict
from curate.plan.records import Plan
from curate.plan.wording import VERDICTS, plural, times

BAR = 56  # characters
BAR_FROM, BAR_TO = -3.0, 3.0  # powers of two of the cap that the bar spans
_MILDEST_FIRST: tuple[Verdict, ...] = ("under_trained", "sound", "risk", "overfit_likely")


def verdict(plan: Plan) -> str:
    """The answer in a line or two: the verdict, the exposures, and what would be sound."""
    judgement, seen = plan.judgement, plan.exposures.per_effective_image
    text = f"Verdict: {VERDICTS[judgement.verdict]}"
    if judgement.verdict == "uncertain":
        ends = " or ".join(VERDICTS[v] for v in sorted(judgement.between, key=_MILDEST_FIRST.index))
        text += f", {ends} ({_open(plan)})"
    text += f". Each different picture is seen {times(seen)}; "
    if judgement.window_empty:
        return text + (
            f"more than {judgement.cap:.3g} is too often. No number of steps is sound: it takes about "
            f"{SAMPLES_FLOOR.value:,.0f} samples to learn anything, and they already show each more often."
        )
    return text + f"{judgement.sound[0]:.3g} to {judgement.sound[1]:.3g} is sound."


def _open(plan: Plan) -> str:
    """Why a verdict is uncertain."""
    why = []
    if plan.exposures.sampled_diversity > GROWTH_FROM:
        why.append("how much more a larger set bears")
    if plan.effective_rate != REFERENCE_RATE:
        why.append("how much the learning rate changes")
    return f"it is open {' and '.join(why)}"


def what_happens(plan: Plan) -> Iterator[str]:
    seen, judgement = plan.exposures, plan.judgement
    yield (
        f"  {plural(plan.schedule.samples, 'sample')}: each file is seen {times(seen.per_file)}, "
        f"each different picture {times(seen.per_effective_image)}."
    )
    yield _worth(plan)
    if seen.sampled_diversity < plan.effective_images / 2:
        yield f"  A few pictures take most of the draws: the set will behave like {seen.sampled_diversity:.0f}."
    yield from _as_they_lie(plan)
    if plan.regularisation:
        yield (
            f"  Besides {plural(plan.regularisation, 'regularisation picture')}: "
            f"{plan.steps.regularisation_per_epoch:,} of the {plan.steps.samples_per_epoch:,} samples of an epoch are "
            "theirs; what stands above counts yours alone."
        )
    yield from bar(seen.per_effective_image, judgement.sound, judgement.cap)
    low, high = judgement.practice
    yield f"  {_sound(plan)} Published recipes end anywhere from {low:.3g} to {high:.3g}."


def _worth(plan: Plan) -> str:
    low, high = plan.effective_range
    what = "file counts as" if plan.pictures == 1 else "files count as"
    drawn = f"{plan.exposures.sampled_diversity:.1f} as the trainer draws them"
    if not plan.compared:
        return (
            f"  Effective images were not measured: {plan.pictures:,} {what} {plan.effective_images:.0f} different "
            f"pictures, since only copies were looked for, and as {drawn}."
        )
    return (
        f"  {plan.pictures:,} {what} {plan.effective_images:.1f} effective images, that is different pictures "
        f"({low:.1f} to {high:.1f}), and as {drawn}."
    )


def _sound(plan: Plan) -> str:
    judgement = plan.judgement
    first, last = judgement.sound_steps
    if judgement.window_empty:
        return f"At most {judgement.cap:.3g} exposures of each are sound, here {plural(last, 'step')}."
    low, high = judgement.sound
    return f"Sound are {low:.3g} to {high:.3g} exposures, here {first:,} to {last:,} steps."


def _as_they_lie(plan: Plan) -> Iterator[str]:
    """What a trainer that is pointed at the folder itself would make of the same number of samples."""
    lying = plan.as_they_lie
    if lying is None:
        return
    text = (
        f"  This is for the cleaned set, as curate export writes it. Trained on as they lie, the {lying.files} files "
        f"would behave like {lying.sampled_diversity:.1f} different pictures"
    )
    often = plan.schedule.samples / lying.sampled_diversity
    if lying.sampled_diversity < plan.exposures.sampled_diversity / 2:
        text += f", because copies take most of the draws: each would be seen {times(often)}"
    yield text + "."


def bar(exposures: float, sound: tuple[float, float], cap: float) -> Iterator[str]:
    """Where the exposures lie among the bands, on a scale of doublings."""

    def at(value: float) -> int:
        place = (log2(max(value, 1e-9) / cap) - BAR_FROM) / (BAR_TO - BAR_FROM)
        return min(BAR - 1, max(0, round(place * (BAR - 1))))

    first, last, far = at(sound[0]), at(sound[1]), at(FAR_OVER * cap)
    text = f"{exposures:.0f} exposure{'s' * (round(exposures) != 1)}"
    here = at(exposures)
    yield " " * (2 + here) + f"v {text}" if here + len(text) < BAR else f"{text} v".rjust(3 + here)
    cells = ["·" if i < first else "█" if i <= last else "░" if i <= far else "·" for i in range(BAR)]
    yield "  " + "".join(cells)
    yield "  " + _labels(((0, "under-trained"), (first, "sound"), (last + 1, "risk"), (far + 1, "overfit likely")))


def _labels(words: Sequence[tuple[int, str]]) -> str:
    """Words at their places; one that would run into the next is left out."""
    line = ""
    for (start, word), (following, _) in pairwise([*words, (BAR + 99, "")]):
        if start >= len(line) and start + len(word) < following:
            line = line.ljust(start) + word
    return line
