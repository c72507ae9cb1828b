"""Jobs that are killed, and what must be true afterwards."""

from __future__ import annotations

import json
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from curate import output
from faulting import forked, jobs, steps
from faulting.posted import Posted
from faulting.world import World, digests, made, state

KINDS = ("scan", "export", "review", "fill")
BEYOND = 1.05  # of a job's usual time: kills are spread evenly up to there
POSTING = 1.0  # s that decisions are posted, at most
MINE = "mine.txt"  # a user's file in an exported set


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one trial left."""

    kind: str
    number: int  # of the trial, which decides when it is killed
    kills: int  # 0: the job was through before it could be killed
    left: str  # what the kill left: absent, old, new, or the number of confirmed decisions
    faults: tuple[str, ...] = ()


@dataclass(slots=True)
class Stand:
    """One kind of job in a world of its own, and what it gives when nobody disturbs it."""

    kind: str
    world: World
    source: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def of(cls, kind: str, root: Path) -> Stand:
        root.mkdir(parents=True)
        stand = cls(kind, made(root))
        stand.source = stand.sources()
        _PREPARE[kind](stand)
        return stand

    def sources(self) -> dict[str, tuple[Any, ...]]:
        return {**state(self.world.set), **{f"pool/{path}": one for path, one in state(self.world.pool).items()}}

    def run(self, job: forked.Job) -> forked.Answer:
        return forked.run(job, self.world.desk)

    def undisturbed(self, job: forked.Job, before: Callable[[], None]) -> Any:
        """The answer of three runs, which must agree; their usual time is remembered."""
        found = []
        for _ in range(3):
            before()
            found.append(self.run(job))
        if any(one.error or one.value != found[0].value for one in found):
            raise RuntimeError(f"{self.kind} without any kill: {[one.error for one in found]}")
        self.seconds = statistics.median(one.seconds for one in found)
        return found[0].value

    def kill(self, job: forked.Job, share: float) -> bool:
        """Whether the job was killed, about at this share of its usual time, before it was through."""
        child = forked.Child(job, self.world.desk)
        time.sleep(share * self.seconds)
        child.kill()
        return child.end().killed

    def trial(self, number: int) -> Outcome:
        """The trial of a number: always killed at the same share of its time."""
        outcome = _TRY[self.kind](self, number, Random(f"{self.kind} {number}"))
        faults = outcome.faults
        if self.sources() != self.source:
            faults += ("the source changed",)
        return Outcome(kind=self.kind, number=number, kills=outcome.kills, left=outcome.left, faults=faults)

    def empty_places(self, faults: list[str]) -> None:
        """Removes what the kill left, by the export's own means as far as they are to be proved."""
        world = self.world
        beside = [path for path in world.places.iterdir() if path != world.out]
        if len(beside) > 1 or list(output.leftovers(world.out)) != beside:
            faults.append(f"left {[path.name for path in beside]}")
        for path in output.leftovers(world.out):
            output.remove_leftover(path)
        rest = [path for path in world.places.iterdir() if path != world.out]
        if rest:
            faults.append(f"{rest[0].name} cannot be removed")
            shutil.rmtree(rest[0], ignore_errors=True)

    def clear_out(self) -> None:
        shutil.rmtree(self.world.out, ignore_errors=True)


def _prepare_scan(stand: Stand) -> None:
    stand.answers["scan"] = stand.undisturbed(lambda: jobs.scan(stand.world), stand.world.without_cache)


def _try_scan(stand: Stand, number: int, random: Random) -> Outcome:
    """Killed from an empty cache on; every third time a second time, from what the first kill left."""
    world, faults, kills = stand.world, list[str](), 0
    world.without_cache()
    for _ in range(2 if number % 3 == 0 else 1):
        kills += stand.kill(lambda: jobs.scan(world), random.random() * BEYOND)
    faults += jobs.cache_is_sound(world)
    faults += _differs(stand.run(lambda: jobs.scan(world)), stand.answers["scan"])
    faults += _differs(stand.run(lambda: jobs.scan(world)), stand.answers["scan"])  # and from a warm cache
    return Outcome(kind="scan", number=number, kills=kills, left="cache", faults=tuple(faults))


def _prepare_export(stand: Stand) -> None:
    world = stand.world

    def write(word: str) -> Any:
        return stand.undisturbed(lambda: jobs.export(world, word), stand.clear_out)

    stand.answers["old"] = write("first")
    shutil.copytree(world.out, world.desk / "old")
    stand.answers["new"] = write("second")
    stand.clear_out()


def _try_export(stand: Stand, number: int, random: Random) -> Outcome:
    """Killed while it writes a new set, or every second time while it updates one that holds a user's file."""
    world, update = stand.world, number % 2 == 1
    stand.clear_out()
    if update:
        shutil.copytree(world.desk / "old", world.out)
        (world.out / MINE).write_text("mine", encoding="utf-8")

    def job() -> Any:
        return jobs.export(world, "second", update=update)

    kills = int(stand.kill(job, random.random() * BEYOND))
    return _judged_export(stand, number, kills, update=update)


def _judged_export(stand: Stand, number: int, kills: int, *, update: bool) -> Outcome:
    world, faults = stand.world, list[str]()
    left = _state_of(stand, faults)
    if left == "absent" and update:
        back = [path for path in output.leftovers(world.out) if (path / "old").is_dir()]
        if not back:
            faults.append("the updated set is gone")
    if left != "new" or update:
        faults += _differs(stand.run(lambda: jobs.export(world, "second", update=update)), stand.answers["new"])
        if _state_of(stand, faults) != "new":
            faults.append("the next run does not mend it")
    if update and not (world.out / MINE).is_file():
        faults.append("a user's file is lost")
    stand.empty_places(faults)
    return Outcome(kind="export", number=number, kills=kills, left=left, faults=tuple(faults))


def _state_of(stand: Stand, faults: list[str]) -> str:
    """absent, old or new; anything else is a fault."""
    out = stand.world.out
    if not out.exists():
        return "absent"
    found = {path: digest for path, digest in digests(out).items() if path not in (MINE, output.MANIFEST)}
    for name in ("old", "new"):
        if found == {path: one for path, one in stand.answers[name].items() if path != output.MANIFEST}:
            verified = output.verify(out)
            if verified.missing or verified.changed or set(verified.added) - {MINE}:
                faults.append(f"not as its manifest says: {output.verify_lines(verified)[-1]}")
            return name
    faults.append("a mixture of sets, or part of one")
    return "mixture"


def _prepare_fill(stand: Stand) -> None:
    stand.answers["fill"] = stand.undisturbed(lambda: jobs.fill(stand.world), stand.clear_out)
    if not stand.answers["fill"]:
        raise RuntimeError("nothing was picked")
    stand.clear_out()


def _try_fill(stand: Stand, number: int, random: Random) -> Outcome:
    world = stand.world
    stand.clear_out()
    kills = int(stand.kill(lambda: jobs.fill(world), random.random() * BEYOND))
    return _judged_fill(stand, number, kills)


def _judged_fill(stand: Stand, number: int, kills: int) -> Outcome:
    world, faults = stand.world, list[str]()
    left = "new" if world.out.exists() else "absent"
    if left == "absent":
        faults += _differs(stand.run(lambda: jobs.fill(world)), stand.answers["fill"])
    if not world.out.is_dir() or digests(world.out) != stand.answers["fill"]:
        faults.append(f"{left}, and not the picks that an undisturbed run gives")
    stand.empty_places(faults)
    return Outcome(kind="fill", number=number, kills=kills, left=left, faults=tuple(faults))


def _prepare_review(stand: Stand) -> None:
    """How long the page takes to be served, from a warm cache."""
    stand.run(lambda: jobs.scan(stand.world))
    found = []
    for number in range(3):
        told = stand.world.desk / f"address-{number}"
        child = forked.Child(lambda told=told: jobs.review(stand.world, told), stand.world.desk)
        start = time.monotonic()
        while not told.exists():
            if not child.alive():
                raise RuntimeError(f"the page is not served: {child.end().error}")
            time.sleep(forked.TICK)
        found.append(time.monotonic() - start)
        child.kill()
        child.end()
    stand.seconds = statistics.median(found)


def _try_review(stand: Stand, number: int, random: Random) -> Outcome:
    """Killed while decisions are posted one after the other, or every fourth time before the page is there."""
    world, faults = stand.world, list[str]()
    shutil.rmtree(world.cache / "decisions", ignore_errors=True)
    told = world.desk / f"address-{time.monotonic_ns()}"
    child = forked.Child(lambda: jobs.review(world, told), world.desk)
    early = number % 4 == 0
    page = Posted(lambda: None if early else forked.killed_after(child, random.random() * POSTING))
    if early:
        forked.killed_after(child, random.random() * stand.seconds)
    while child.alive():
        if told.exists():
            page.post(told.read_text(encoding="ascii"))
        time.sleep(forked.TICK)
    forked.rest()
    kills = int(child.end().killed)
    told.unlink(missing_ok=True)
    after = stand.run(lambda: jobs.decided(world))
    faults += [after.error] if after.error else page.faults(after.value)
    faults += jobs.cache_is_sound(world)
    again = stand.run(lambda: jobs.scan(world))
    if again.error or (page.confirmed and json.loads(again.value)["decisions"] < 1):
        faults.append(f"the next scan does not honour the decisions: {again.error}")
    return Outcome(kind="review", number=number, kills=kills, left=str(page.saved), faults=tuple(faults))


def at_every_step(stand: Stand) -> list[Outcome]:
    """The job killed before its first step on the disk, its second, ..., until it is through."""
    found = []
    number = 1
    while True:
        if stand.kind == "scan":
            stand.world.without_cache()
        stand.clear_out()
        child = forked.Child(lambda at=number: steps.dying(_JOBS[stand.kind](stand.world), at), stand.world.desk)
        if not child.end().killed:
            return found
        if stand.kind == "scan":
            faults = jobs.cache_is_sound(stand.world)
            faults += _differs(stand.run(lambda: jobs.scan(stand.world)), stand.answers["scan"])
            outcome = Outcome(kind="scan", number=number, kills=1, left="cache", faults=tuple(faults))
        elif stand.kind == "export":
            outcome = _judged_export(stand, number, 1, update=False)
        else:
            outcome = _judged_fill(stand, number, 1)
        found.append(outcome)
        number += 1


def _differs(answer: forked.Answer, wanted: Any) -> list[str]:
    if answer.error:
        return [f"the next run fails: {answer.error}"]
    return [] if answer.value == wanted else ["the next run gives another answer"]


_PREPARE: dict[str, Callable[[Stand], None]] = {
    "scan": _prepare_scan,
    "export": _prepare_export,
    "review": _prepare_review,
    "fill": _prepare_fill,
}
_TRY: dict[str, Callable[[Stand, int, Random], Outcome]] = {
    "scan": _try_scan,
    "export": _try_export,
    "review": _try_review,
    "fill": _try_fill,
}
_JOBS: dict[str, Callable[[World], forked.Job]] = {
    "scan": lambda world: lambda: jobs.scan(world),
    "export": lambda world: lambda: jobs.export(world, "second"),
    "fill": lambda world: lambda: jobs.fill(world),
}
