"""What a set should show, by what it is for.

No study says which views a LoRA needs; these are what guides ask for and what follows from what people prompt. A view
that no picture shows can only be guessed by the base model, so every view of the range counts, the usual ones more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from curate.records import Framing

YAWS = ("front", "front right", "right side", "rear right", "back", "rear left", "left side", "front left")
# at 0, 45, ... 315 degrees; right and left are the viewer's
FOLDED_YAWS = ("front", "three-quarter", "side", "rear three-quarter", "back")
PITCHES = ("from below", "level", "from above")
PITCH_DEG = 15.0  # beyond which a picture counts as from above or below; three times the estimators' mean error
USUAL = {"front": 1.0, "three-quarter": 0.9, "side": 0.8, "back": 0.7, "rear three-quarter": 0.5}
# how much a view is asked for in prompts, our own order: portraits, then booru's from_side and from_behind
VIEW_IMAGES = 1.0  # effective images that a view should have: one that differs from all others


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is wanted of a set of one kind."""

    reach_deg: float  # views up to that |yaw| are wanted; 0: none
    framings: Mapping[tuple[Framing, ...], float]  # share of the effective images that each group should have
    pitches: tuple[str, ...]  # wanted besides level
    source: str


_HALF: tuple[Framing, ...] = ("upper_body", "three_quarter")
TARGETS: Mapping[str, Targets] = {
    "character": Targets(
        reach_deg=180.0,
        framings={("close_up",): 0.4, _HALF: 0.3, ("full_body",): 0.3},
        pitches=("from below", "from above"),
        source="civitai.com/articles/26698 asks for 40 % close-ups, 30 % half and 30 % full body; all views, since a "
        "character is prompted from all sides",
    ),
    "face": Targets(
        reach_deg=90.0,
        framings={("close_up",): 0.5, _HALF: 0.3, ("full_body",): 0.1},
        pitches=("from below", "from above"),
        source="huggingface.co/blog/sdxl_lora_advanced_script: close-ups and some full body, no far-away subjects; the "
        "shares are our own",
    ),
    "style": Targets(reach_deg=0.0, framings={}, pitches=(), source="a style has no views, only scenes"),
    "object": Targets(
        reach_deg=180.0,
        framings={},
        pitches=("from above",),
        source="all sides, since an object is prompted from any; few objects are seen from below",
    ),
}


def names(*, folded: bool) -> tuple[str, ...]:
    """The names of the yaw bins, in order."""
    return FOLDED_YAWS if folded else YAWS


def usual(bin_: int, *, folded: bool) -> float:
    """0-1: how much the view of that bin is asked for."""
    return USUAL[FOLDED_YAWS[bin_ if folded else min(bin_, 8 - bin_)]]


def centre_deg(bin_: int) -> float:
    """Degrees of the middle of a bin, -180 (excluded) to 180."""
    return 45.0 * bin_ if bin_ <= 4 else 45.0 * bin_ - 360.0


def wanted(targets: Targets, *, folded: bool) -> tuple[int, ...]:
    """The yaw bins that should have a picture."""
    if targets.reach_deg <= 0:
        return ()
    return tuple(b for b in range(len(names(folded=folded))) if abs(centre_deg(b)) <= targets.reach_deg)


def bin_of(yaw_deg: float, *, folded: bool) -> int:
    """The yaw bin of 45 degrees that an angle lies in."""
    return round(abs(yaw_deg) / 45.0) if folded else round(yaw_deg / 45.0) % 8


def pitch_bin(pitch_deg: float) -> int:
    """0 from below, 1 level, 2 from above."""
    return 0 if pitch_deg < -PITCH_DEG else 2 if pitch_deg > PITCH_DEG else 1
