"""The constants of the repetition law, each with its unit, its honest range and where it comes from.

They were set by eye on some forty published LoRA recipes (exposures of each picture between 10 and 450, most near 100)
and on a study in miniature; no one has fitted them on real models. The page shows their ranges beside the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from curate.errors import PlanError

Verdict = Literal["under_trained", "sound", "risk", "overfit_likely", "uncertain"]
Preset = Literal["character", "face", "style", "object"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    value: float
    low: float  # of its honest range
    high: float
    unit: str
    source: str


SAMPLES_FLOOR = Constant(
    value=1000,
    low=500,
    high=2000,
    unit="samples of the subject",
    source="ai-toolkit's example 500-4000, hosted trainers 1000, the DreamBooth paper and blog 400-1200",
)
SUBJECT_EXPOSURES = Constant(
    value=100,
    low=40,
    high=200,
    unit="exposures of each effective image, at lr 1e-4 and alpha = rank",
    source="centre and spread of published subject recipes: diffusers' README 80-267, HF's SDXL blog 63-214, "
    "ai-toolkit 25-200",
)
STYLE_EXPOSURES = Constant(
    value=50,
    low=10,
    high=100,
    unit="exposures of each effective image, at lr 1e-4 and alpha = rank",
    source="style recipes: Krea's poster study 13-34, community 30-60, HF's SDXL blog up to 129",
)
RATE_EXPONENT = Constant(
    value=1,
    low=0.5,
    high=1,
    unit="power of 1e-4 / effective learning rate",
    source="a community rule (steps = 100 N 1e-4 / lr) gives 1; halving the rate moved the optimum by 1.73 = 2^0.8 in "
    "a study in miniature (1.19 to 2.83), a quarter of it by 2.6 (bench/repetition.md)",
)
GROWTH_EXPONENT = Constant(
    value=0,
    low=0,
    high=0.36,
    unit="power of effective images / 20",
    source="0 is careful; in bench/repetition.md the optimum went with N^1.17 (.87 to 1.36) for N = 2-50",
)
CONSTANTS = {
    "Fewest samples that teach anything": SAMPLES_FLOOR,
    "Most exposures that are sound, of a subject": SUBJECT_EXPOSURES,
    "Most exposures that are sound, of a style": STYLE_EXPOSURES,
    "How a lower learning rate raises them": RATE_EXPONENT,
    "How a larger set raises them": GROWTH_EXPONENT,
}
GROWTH_FROM = 20  # effective images: below it the allowed exposures do not grow with the set
REFERENCE_RATE = 1e-4  # learning rate times alpha / rank at which the exposures above hold

UNDER = 0.5  # of the cap: below it, under-trained
OVER = 1.0  # above it, a risk
FAR_OVER = 2.0  # above it, overfitting is likely

REPEATS = range(1, 101)  # passes an epoch that the search tries
FEWEST_SAVES, MOST_SAVES = 3, 50  # epochs, or saves where the trainer counts steps
MOST_STEPS = 10_000_000  # optimizer steps: what is above it is a slip of the keyboard, months on any card
NEAR_TARGET = 0.05  # repeats that the folders already have are kept when they come this near (share of the target)
AUTO_BATCHES = (4, 2, 1)  # pictures; a LoRA trains with 1 to 8
CROPPED = 0.15  # share of a picture's area: what is cropped by more is named
ADAPTIVE = ("prodigy", "dadapt", "adafactor")  # optimisers that set their own rate: lr says nothing about exposures


def exposures(preset: Preset) -> Constant:
    """How often each effective image may be seen, for what is trained. Raises PlanError for an unknown preset."""
    if preset not in get_args(Preset):
        raise PlanError(f"No preset is called {preset!r}", f"Choose one of: {', '.join(get_args(Preset))}")
    return STYLE_EXPOSURES if preset == "style" else SUBJECT_EXPOSURES
