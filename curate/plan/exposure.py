"""The repetition law: how often each different picture is seen, and whether that is too often.

    exposures = samples of the subject / effective images as sampled
    cap       = E0 (1e-4 / effective rate)^g (D / 20)^a      a = 0 below 20 effective images
    floor     = the fewest samples that teach anything, whatever the number of pictures

Up to the cap a LoRA is sound, up to twice the cap overfitting is a risk, beyond it is likely. Under-trained is what
lies below half the cap with a = 0: in the study in miniature the loss came within 1 % of its best at the same number
of exposures for 2 to 50 pictures (25 to 38), so that edge does not grow with the set; only the far one does, and
the sound window widens. The bands that are shown are the careful ones (a = 0, g = 1).

The floor's own range is wide: fewer samples than its low end are called too few, and its value decides only whether
the window is empty.

`uncertain` means that the verdict differs between the ends of the two exponents a and g, where the law itself is open:
with a above 20 effective images, with g at other than the usual rate. The spread of E0 does not count towards it:
published recipes differ by a factor of five and the bands by two, so that every verdict would be uncertain and nothing
said. That spread is shown beside the verdict, as what practice spreads over.
"""

from __future__ import annotations

from curate.plan.constants import (
    FAR_OVER,
    GROWTH_EXPONENT,
    GROWTH_FROM,
    OVER,
    RATE_EXPONENT,
    REFERENCE_RATE,
    SAMPLES_FLOOR,
    UNDER,
    Constant,
    Verdict,
)
from curate.plan.records import Judgement


def cap(e0: float, diversity: float, rate: float, growth: float, exponent: float) -> float:
    """The most exposures of each effective image that are sound."""
    return e0 * float((REFERENCE_RATE / rate) ** exponent) * float(max(1.0, diversity / GROWTH_FROM) ** growth)


def verdict_at(samples: float, diversity: float, careful: float, most: float) -> Verdict:
    """The verdict for one reading: half of `careful` exposures are enough, `most` are not yet too many.

    Too few samples are too few, unless they already are too often.
    """
    seen = samples / diversity
    if seen > FAR_OVER * most:
        return "overfit_likely"
    if seen > OVER * most:
        return "risk"
    if seen < UNDER * careful or samples < SAMPLES_FLOOR.low:
        return "under_trained"
    return "sound"


def judge(samples: float, diversity: float, rate: float, e0: Constant, samples_per_step: float) -> Judgement:
    """The verdict on a run that draws `samples` pictures of the subject.

    `diversity`: effective images as sampled. `rate`: learning rate times alpha / rank.
    """
    growths = {GROWTH_EXPONENT.low, GROWTH_EXPONENT.high} if diversity > GROWTH_FROM else {0.0}
    exponents = {RATE_EXPONENT.low, RATE_EXPONENT.high} if rate != REFERENCE_RATE else {RATE_EXPONENT.value}
    found = [
        verdict_at(
            samples,
            diversity,
            cap(e0.value, diversity, rate, GROWTH_EXPONENT.low, exponent),
            cap(e0.value, diversity, rate, growth, exponent),
        )
        for growth in sorted(growths)
        for exponent in sorted(exponents)
    ]
    between = tuple(dict.fromkeys(found))
    most = cap(e0.value, diversity, rate, GROWTH_EXPONENT.value, RATE_EXPONENT.value)
    least = max(UNDER * most, min(SAMPLES_FLOOR.low / diversity, most))
    return Judgement(
        verdict=between[0] if len(between) == 1 else "uncertain",
        between=between,
        cap=most,
        sound=(least, most),
        practice=(most * e0.low / e0.value, most * e0.high / e0.value),
        sound_steps=(round(least * diversity / samples_per_step), int(most * diversity / samples_per_step)),
        window_empty=SAMPLES_FLOOR.value > most * diversity,
    )
