"""What a view estimator is given, and what it must offer.

Angles are those of the head, in degrees. yaw: 0 faces the camera, positive where the subject is turned to the viewer's
right, +-180 shows the back of the head. pitch: positive where the camera is above. roll: positive where the top of the
head leans to the viewer's right.

What the networks see in a picture is measured once, when it is decoded, and kept as plain numbers with its other
features. What follows from the numbers, the caption and the user's own word is decided later, so that a rule can change
without measuring again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from curate.records import FRAMINGS, Framing

Raw = Mapping[str, float]  # what was measured of one picture, by name; empty where nothing was found
Aspect = Literal["front", "three_quarter", "side", "back"]

ASPECT_DEG: Mapping[Aspect, float] = {"front": 0.0, "three_quarter": 40.0, "side": 90.0, "back": 180.0}
# |yaw| that a word stands for; "three-quarter view" is drawn between 30 and 50 degrees in portrait teaching
BIN_DEG = 45.0  # width of a yaw bin; bins are centred on 0, 45, ... 315


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What the user said of a picture's view. None: not said."""

    yaw_deg: float | None = None
    pitch_deg: float | None = None
    framing: Framing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of one picture."""

    raw: Raw = field(default_factory=dict)
    caption: str | None = None
    scores: Raw = field(default_factory=dict)  # of clip.py's classes, see there; empty without a CLIP that reads text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one source says of a picture."""

    source: str
    yaw_deg: float | None = None
    yaw_error_deg: float = 180.0  # standard deviation that is to be expected of it
    aspect: Aspect | None = None  # where the source knows no left and right
    pitch_deg: float | None = None
    roll_deg: float | None = None
    certainty: float = 0.0  # 0-1, that there is a subject and that it was not taken for something else
    framing: Framing | None = None
    framing_confidence: float = 0.0  # 0-1, that it is that one of the four
    notes: tuple[str, ...] = ()

    @property
    def confidence(self) -> float:
        """0-1, that the yaw lies in the bin that it is counted in."""
        if self.yaw_deg is None:
            return 0.0
        return self.certainty * chance_of_bin(self.yaw_deg, self.yaw_error_deg)


class Estimator(Protocol):
    """A module of this folder."""

    NAME: str

    def read(self, evidence: Evidence) -> Reading | None:
        """What this source says; None where it says nothing."""


def wrapped(degrees: float) -> float:
    """The same angle in [-180, 180)."""
    return (degrees + 180.0) % 360.0 - 180.0


def chance_of_bin(yaw_deg: float, error_deg: float) -> float:
    """0-1: chance that the true yaw lies in the 45-degree bin of the measured one, for a normal error."""
    off = wrapped(yaw_deg - BIN_DEG * round(yaw_deg / BIN_DEG))
    half = BIN_DEG / 2
    return _normal((half - off) / error_deg) - _normal((-half - off) / error_deg)


def framing_of(room: float, cuts: tuple[float, float, float], spread: float) -> tuple[Framing, float]:
    """(framing, chance that it is right) for the room below the head or the shoulders, in units of the person's size.

    `cuts` part close-up, upper body, three-quarter and full body. `spread` is the standard deviation of the room's
    logarithm: people's proportions and the measured size are both only so good.
    """
    place = sum(room >= cut for cut in cuts)
    level = math.log(max(room, 1e-3))
    below = _normal((math.log(cuts[place]) - level) / spread) if place < len(cuts) else 1.0
    above = _normal((math.log(cuts[place - 1]) - level) / spread) if place else 0.0
    return FRAMINGS[place], below - above


def _normal(z: float) -> float:
    return 0.5 * (1.0 + math.erf(z / math.sqrt(2.0)))
