"""The chart of exposures against steps: shares of its width and height, from a plan's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import Any

BEYOND = 1.15  # times the last thing that is drawn, where the axes end
TICKS = 6  # at most, on one axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    value: float
    at: float  # % of the axis, from its origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What exposures between two values are called."""

    name: str
    word: str
    low: float  # exposures
    high: float
    bottom: float  # % of the axis
    height: float  # %


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point of the line: the plan, or a saved file."""

    name: str
    steps: int
    exposures: float
    x: float  # %
    y: float  # %
    first: bool  # to look at first


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    steps: tuple[Tick, ...]
    exposures: tuple[Tick, ...]
    bands: tuple[Band, ...]
    end: tuple[float, float]  # of the line that starts at the origin, %
    plan: Mark
    saved: tuple[Mark, ...]


def chart(plan: dict[str, Any], far_over: float) -> Chart:
    """The plan's line through the bands. `far_over`: times the cap from which overfitting is likely."""
    steps, seen = plan["plan"]["steps"], plan["exposures"]["per_effective_image"]
    limits = plan["range"]
    cap, (low, high) = limits["cap"], limits["sound"]
    low = min(low, high)  # the window of a set that no number of steps suits is empty
    far = far_over * cap
    tall = max(seen * BEYOND, min(far * BEYOND, max(high, seen) * 2.2), high * BEYOND)
    wide = max(steps * BEYOND, min(limits["sound_steps"][1] * BEYOND, steps * 3.0))
    slope = seen / max(steps, 1)

    def mark(name: str, at: int, often: float, first: bool) -> Mark:
        return Mark(name=name, steps=at, exposures=often, x=100 * at / wide, y=100 * often / tall, first=first)

    edges = (
        ("under_trained", "under-trained", 0.0, low),
        ("sound", "sound", low, high),
        ("risk", "risk", high, far),
        ("overfit_likely", "overfitting likely", far, tall),
    )
    end = min(wide, tall / slope) if slope > 0 else wide
    return Chart(
        steps=ticks(wide),
        exposures=ticks(tall),
        bands=tuple(
            Band(
                name=name,
                word=word,
                low=start,
                high=stop,
                bottom=100 * start / tall,
                height=100 * (min(stop, tall) - start) / tall,
            )
            for name, word, start, stop in edges
            if min(stop, tall) > start
        ),
        end=(100 * end / wide, 100 * end * slope / tall),
        plan=mark("this plan", steps, seen, False),
        saved=tuple(
            mark(one["name"], one["step"], one["per_effective_image"], one["look_first"])
            for one in plan["checkpoints"]
            if one["step"] <= wide
        ),
    )


def ticks(end: float, most: int = TICKS) -> tuple[Tick, ...]:
    """Round numbers from 0 up to `end`: steps of 1, 2 or 5 times a power of ten."""
    if end <= 0:
        return (Tick(value=0.0, at=0.0),)
    power = 10.0 ** floor(log10(end / most))
    step = next(power * round_ for round_ in (1, 2, 5, 10, 20) if end / (power * round_) <= most)
    return tuple(Tick(value=i * step, at=100 * i * step / end) for i in range(int(end / step) + 1))
