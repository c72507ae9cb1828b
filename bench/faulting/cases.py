"""Faults of disks, files, clocks and caches: every case must end as ever, in a clear line, or with a listed file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.output import MANIFEST
from faulting import forked, jobs
from faulting.world import World, made, state


@dataclass(slots=True)
class Case:
    """What came of one kind of fault."""

    name: str
    tried: int = 0
    told: int = 0  # runs that ended in a clear line, or that listed a file or said what failed
    right: int = 0  # runs that ended as ever
    faults: list[str] = field(default_factory=list)

    def fault(self, what: str) -> None:
        self.faults.append(what)


@dataclass(slots=True)
class Scene:
    """A world for one case, with what its scan gives when nothing fails."""

    world: World
    case: Case
    source: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    usual: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path, name: str) -> Scene:
        root.mkdir(parents=True)
        scene = cls(made(root), Case(name))
        scene.source = state(scene.world.set)
        answer = scene.run(lambda: jobs.scan(scene.world))
        if answer.error:
            raise RuntimeError(answer.error)
        scene.usual = json.loads(answer.value)
        return scene

    def run(self, job: forked.Job) -> forked.Answer:
        return forked.run(job, self.world.desk)

    def scanned(self, answer: forked.Answer, what: str, *, listed: str = "", errors: bool = False) -> None:
        """Judges a scan: as ever but for its notes, or with this one file listed as broken, or a clear line where
        `errors` may be."""
        case = self.case
        case.tried += 1
        if answer.error:
            if answer.declared and errors:
                case.told += 1
            else:
                case.fault(f"{what}: {answer.error}")
            return
        found = json.loads(answer.value)
        if {**found, "notes": []} == {**self.usual, "notes": []}:
            case.right += 1
            case.told += found["notes"] != self.usual["notes"]
        elif listed and _is_listed(found, self.usual, listed):
            case.told += 1
        else:
            case.fault(f"{what}: another answer, and no file listed for it")

    def next_scan(self, what: str) -> None:
        """The next run, undisturbed, must be as ever."""
        answer = self.run(lambda: jobs.scan(self.world))
        if answer.error or json.loads(answer.value) != self.usual:
            self.case.fault(f"{what}: the next run is not as ever {answer.error}")

    def written(self, answer: forked.Answer, what: str, usual: dict[str, str], listed: str = "") -> None:
        """Judges an export or a fill: as ever, or a clear line and nothing left; or a set that is whole by its
        manifest, which lists this one file as broken: a caption that cannot be read."""
        case, world = self.case, self.world
        case.tried += 1
        if not answer.error and answer.value == usual:
            case.right += 1
        elif not answer.error and _but_manifest(answer.value) == _but_manifest(usual):
            case.told += 1  # a file that is not part of the set could not be read: the manifest has no digest of it
        elif not answer.error and listed and listed in _broken(world) and not jobs.is_whole(world.out):
            case.told += 1
        elif answer.error and answer.declared:
            case.told += 1
            if world.out.exists() or list(world.places.iterdir()):
                case.fault(f"{what}: {[path.name for path in world.places.iterdir()]} was left")
        else:
            case.fault(f"{what}: {answer.error or 'another set was written'}")

    def end(self) -> Case:
        if state(self.world.set) != self.source:
            self.case.fault("the source changed")
        return self.case


def _is_listed(found: dict[str, Any], usual: dict[str, Any], path: str) -> bool:
    """Whether one file or folder is listed as broken and nobody else is missing; what lay beside a picture that is
    listed becomes a file of its own."""
    if path not in {one["path"] for one in (*found["broken"], *found["ignored"])}:
        return False
    missing = set(every_file(usual)) - set(every_file(found))
    if any(not one.startswith(f"{path}/") for one in missing):
        return False
    digests = {one["path"]: one["digest"] for one in usual["pictures"]}
    return all(digests.get(one["path"]) == one["digest"] for one in found["pictures"])


def _broken(world: World) -> set[str]:
    """What the manifest of the exported set lists as broken."""
    values = json.loads((world.out / MANIFEST).read_text(encoding="utf-8"))
    return {one["path"] for one in values["left_out"] if one["cause"] == "broken"}


def _but_manifest(written: dict[str, str]) -> dict[str, str]:
    return {path: digest for path, digest in written.items() if path != MANIFEST}


def every_file(found: dict[str, Any]) -> list[str]:
    """The paths of all pictures and of all that is none."""
    return sorted(one["path"] for one in (*found["pictures"], *found["broken"], *found["ignored"]))


def all_of(root: Path, flips: int, only: Sequence[str] = ()) -> Iterator[Case]:
    """Every case, one after the other. `only`: words, of which a case's name holds one."""
    from faulting import caches, disks, moving

    rows: list[tuple[str, Callable[[Scene], None]]] = [*disks.CASES, *moving.CASES, *caches.cases(flips)]
    for number, (name, run) in enumerate(rows):
        if only and not any(word in name for word in only):
            continue
        scene = Scene.of(root / f"case{number}", name)
        run(scene)
        yield scene.end()
