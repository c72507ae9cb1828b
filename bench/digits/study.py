"""Which runs the study is made of, and making those that are missing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digits.pictures import DIFFERENT, SETS, SKEWED, SUBJECTS, Digits, build
from digits.ruler import Ruler, rulers
from digits.training import LANDMARKS, Change, HeldOut, Material, Run, known, pretrained, train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from digits.model import UNet

USUAL, CHANGED_SET = "usual", "20 different"  # every change is tried on this set
CHANGES = {
    USUAL: Change(),
    "rate / 2": Change(rate=1e-3),
    "rate / 4": Change(rate=5e-4),
    "rate x 2": Change(rate=4e-3),
    "alpha / 2": Change(alpha=4),
    "alpha x 2": Change(alpha=16),
    "alpha x 2, rate / 2": Change(alpha=16, rate=1e-3),
    "weight decay 1": Change(decay=1),
    "weight decay 10": Change(decay=10),
    "1:1 mix with known digits": Change(mix=True),
    "crop jitter of 1 px": Change(jitter=True),
}
TOTALS = LANDMARKS[:2]  # samples at which sets are compared
WATCHED = 50  # different pictures, at most, of the runs that are watched for memorised ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    subjects: tuple[int, ...]
    seeds: int
    sets: tuple[str, ...]
    cap: int  # samples


QUICK = Scope(
    subjects=SUBJECTS[:1],
    seeds=2,
    sets=tuple(name for name in SETS if name not in ("200 different", "400 different")),
    cap=LANDMARKS[-1],
)
FULL = Scope(subjects=SUBJECTS, seeds=3, sets=tuple(SETS), cap=40_000)


@dataclass(frozen=True, slots=True)
class World:
    digits: Digits
    base: UNet
    rulers: dict[str, Ruler]


def world(digits: Digits, out: Path) -> World:
    base = pretrained(digits, out / "base.pt")
    return World(digits, base, rulers(base, digits))


def runs(scope: Scope) -> Iterator[Run]:
    """All runs, so ordered that what is finished first is whole by itself: seed by seed, digit by digit."""
    different = {f"{count} different": count for count in DIFFERENT}
    for seed in range(scope.seeds):
        for digit in scope.subjects:
            for name in scope.sets:
                # a skewed set has two minima: at one the copied picture spoils it, at the other the rest is learnt
                least = TOTALS[-1] if name in different or name in SKEWED else 0
                watch = different.get(name, WATCHED + 1) <= WATCHED
                yield Run(digit=digit, seed=seed, pictures=name, change=USUAL, cap=scope.cap, least=least, watch=watch)
            for change in CHANGES:
                if change != USUAL:
                    yield Run(digit=digit, seed=seed, pictures=CHANGED_SET, change=change, cap=scope.cap, least=0)


def finished(path: Path) -> list[Run]:
    """What the file holds, one run a line; a last line that was cut off counts as not run."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Run(**json.loads(line)) for line in lines if line.endswith("}")]


def complete(scope: Scope, found: World, path: Path, report: Callable[[str], None], wanted: bool) -> list[Run]:
    """The finished runs of `scope`; makes those that are missing if they are `wanted`, and adds each to the file."""
    old = finished(path)
    asked = list(runs(scope))
    answers = []
    for number, run in enumerate(asked, start=1):
        answer = next((past.until(run.cap) for past in old if past.answers(run)), None)
        if answer is None and wanted:
            answer = train(run, _material(run, found), CHANGES[run.change])
            _append(path, json.dumps(answer.record()))
            report(
                f"{number}/{len(asked)} digit {run.digit} seed {run.seed}: {run.pictures}, {run.change}: "
                f"{answer.samples[-1]} samples in {answer.seconds} s"
            )
        if answer is not None:
            answers.append(answer)
    return answers


def _append(path: Path, line: str) -> None:
    """Add `line`, on a line of its own even after one that was cut off."""
    cut_off = path.is_file() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write("\n" * cut_off + line + "\n")


def _material(run: Run, found: World) -> Material:
    chosen = build(run.pictures, found.digits.of(run.digit, held_out=False), run.seed)
    return Material(
        found.base,
        HeldOut(found.digits, run.digit),
        chosen.files,
        found.rulers["features"].draws(chosen),
        known(found.digits),
    )
