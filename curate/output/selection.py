"""What was chosen of a set before it is laid out: which pictures are kept, held out, and how often each is drawn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a smaller set keeps of the whole one."""

    pictures: int
    effective_images: float
    views: int | None = None  # seen, of those that the preset wants; None: not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """What --limit keeps, and what other sizes would."""

    asked: int  # pictures
    curve: tuple[Kept, ...]  # by size; the last is the whole set
    views_wanted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Pictures that share their exposures alike, and what whole repeats make of that."""

    pictures: int
    wanted: float  # exposures, of those of a picture without look-alikes in a subset of 1 repeat
    given: float  # the same after rounding
    repeats: float  # passes an epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted:
    """What --weights does to the repeats."""

    shares: tuple[Shared, ...]
    drawn_before: float  # effective images as drawn if all look-alikes were drawn alike
    drawn: float  # and with these repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """What --validation takes out of the training."""

    asked: float  # pictures, or below 1 their share
    pictures: int
    of: int  # pictures that there were
    effective_before: float  # effective images of all of them
    effective_after: float  # of those that are trained on
    views: int | None = None  # views that the held-out pictures show; None: not measured, so spread by looks
    together: int = 0  # of the pictures, those held out for being nearly the same as another one


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was asked for and what came of it; None where it was not asked for."""

    limited: Limited | None = None
    weighted: Weighted | None = None
    held_out: HeldOut | None = None
