"""Disks that are full, unreadable or forbidden."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from curate.decisions import Decision, open_journal
from curate.errors import CurateError
from faulting import forked, jobs, steps
from faulting.cases import Scene
from faulting.world import World

NOBODY = 65534  # the user without rights, on Linux and macOS
MOST = 400  # steps of one job, far more than it takes
SMALL = (16, 40, 64, 100, 160)  # KiB of a disk that is too small


def full_cache(scene: Scene) -> None:
    """No room from the first statement of SQLite on, from the second, ..."""
    for at in range(1, MOST):
        scene.world.without_cache()
        answer = scene.run(lambda at=at: steps.without_room(lambda: jobs.scan(scene.world), at))
        if answer.error:
            scene.scanned(answer, f"statement {at}")
            continue
        text, failed = answer.value
        scene.scanned(forked.Answer(value=text), f"statement {at}")
        scene.next_scan(f"after statement {at}")
        if not failed:
            return
    scene.case.fault("it never ends")


def full_place(scene: Scene) -> None:
    """No room for an export from its first step on, from its second, ..."""
    _full_place(scene, lambda: jobs.export(scene.world))


def full_place_for_picks(scene: Scene) -> None:
    _full_place(scene, lambda: jobs.fill(scene.world))


def _full_place(scene: Scene, job: Callable[[], dict[str, str]]) -> None:
    world = scene.world
    usual = scene.run(job).value
    for at in range(1, MOST):
        shutil.rmtree(world.out, ignore_errors=True)
        answer = scene.run(lambda at=at: steps.without_room(job, at, str(world.places)))
        if answer.error:
            scene.written(answer, f"step {at}", usual)
            continue
        value, failed = answer.value
        scene.written(forked.Answer(value=value), f"step {at}", usual)
        if not failed:
            return
    scene.case.fault("it never ends")


def full_journal(scene: Scene) -> None:
    """No room for a decision from the first step on, ...: what was confirmed stays, and nothing else is there."""
    world, case = scene.world, scene.case
    folder = world.cache / "decisions"
    for at in range(1, MOST):
        shutil.rmtree(folder, ignore_errors=True)
        answer = scene.run(lambda at=at: steps.without_room(lambda: decide(world), at, str(folder)))
        if answer.error:
            case.tried += 1
            case.fault(f"step {at}: {answer.error}")
            continue
        (confirmed, problem), failed = answer.value
        _judge_journal(scene, confirmed, problem, f"step {at}")
        if not failed:
            return
    case.fault("it never ends")


def _judge_journal(scene: Scene, confirmed: list[str], problem: str, what: str) -> None:
    world, case = scene.world, scene.case
    case.tried += 1
    case.told, case.right = case.told + bool(problem), case.right + (not problem)
    after = scene.run(lambda: _texts(world))
    lost = [text for text in confirmed if text not in (after.value or [])]
    if after.error or lost:
        case.fault(f"{what}: {after.error or f'lost {lost}'}")
    again = scene.run(lambda: decide(world))
    if again.error or again.value[1]:
        case.fault(f"{what}: no decision can be made any more: {again.error or again.value[1]}")


def decide(world: World) -> tuple[list[str], str]:
    """(what was confirmed, the error that ended it): four captions, one after the other."""
    confirmed: list[str] = []
    try:
        journal = open_journal(world.set, world.settings())
        for number in range(4):
            text = f"decision {number}"
            journal.add(Decision(kind="caption", digest=f"{number:064}", path=f"p{number}.jpg", text=text))
            confirmed.append(text)
    except CurateError as error:
        return confirmed, str(error)
    return confirmed, ""


def _texts(world: World) -> list[str]:
    return [one.text or "" for one in open_journal(world.set, world.settings()).listing()]


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[bool]:
    """A file system of `size` KiB at `place`; False where none can be mounted."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)]
    mounted = sys.platform == "linux" and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)


def small_cache_disk(scene: Scene) -> None:
    for size in SMALL:
        scene.world.without_cache()
        with small_disk(scene.world.cache, size) as mounted:
            if mounted:
                scene.scanned(scene.run(lambda: jobs.scan(scene.world)), f"{size} KiB")
        scene.next_scan(f"after {size} KiB")


def small_place_disk(scene: Scene) -> None:
    """The check before an export is told that there is room, so that the disk fills up while it is written."""
    world = scene.world
    usual = scene.run(lambda: jobs.export(world)).value
    shutil.rmtree(world.out)
    for size in SMALL:
        with small_disk(world.places, size) as mounted:
            if mounted:
                scene.written(scene.run(lambda: _trusting(lambda: jobs.export(world))), f"{size} KiB", usual)


def _trusting(job: Callable[[], Any]) -> Any:
    from curate.output import destination

    destination.SPARE = -(1 << 40)
    return job()


def small_journal_disk(scene: Scene) -> None:
    world = scene.world
    for size in (4, 8, 12):
        shutil.rmtree(world.cache, ignore_errors=True)
        with small_disk(world.cache, size) as mounted:
            if not mounted:
                return
            confirmed: list[str] = []
            answer = scene.run(lambda: _until_full(world))
            scene.case.tried += 1
            if answer.error:
                scene.case.fault(answer.error)
                continue
            confirmed, problem = answer.value
            after = scene.run(lambda: _texts(world))
            scene.case.told += bool(problem)
            if not problem or after.error or [text for text in confirmed if text not in after.value]:
                scene.case.fault(f"{size} KiB: {problem or 'no error'} {after.error or 'lost a decision'}")


def _until_full(world: World) -> tuple[list[str], str]:
    confirmed: list[str] = []
    try:
        journal = open_journal(world.set, world.settings())
        for number in range(1000):
            text = f"decision {number} " + "x" * 200
            journal.add(Decision(kind="caption", digest=f"{number:064}", path=f"p{number}.jpg", text=text))
            confirmed.append(text)
    except CurateError as error:
        return confirmed, str(error)
    return confirmed, ""


def unreadable_bytes(scene: Scene) -> None:
    """An I/O error at the beginning, in the middle and near the end of every file, in a scan and in an export."""
    world = scene.world
    usual = scene.run(lambda: jobs.export(world)).value
    for path in sorted(world.set.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(world.set).as_posix()
        for after in (0, path.stat().st_size // 2, path.stat().st_size - 1):
            world.without_cache()
            answer = scene.run(partial(_torn, partial(jobs.scan, world), path, after))
            scene.scanned(answer, f"{name} after {after} bytes", listed=name)
            scene.next_scan(f"after {name}")
            shutil.rmtree(world.out, ignore_errors=True)
            answer = scene.run(partial(_torn, partial(jobs.export, world), path, after))
            scene.written(answer, f"export, {name} after {after} bytes", usual, listed=name)


def _torn(job: Callable[[], Any], path: Path, after: int) -> Any:
    steps.failing_reads(str(path), after, errno.EIO)
    return job()


def forbidden(scene: Scene) -> None:
    """Files and folders that the user may not read or write; the user is nobody, since root may everything."""
    world = scene.world
    if os.getuid() != 0:
        return
    for above in (world.root, *world.root.parents):
        if above.stat().st_mode & 0o005 != 0o005 and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o055)
    for folder in (world.desk, world.places):
        folder.chmod(0o777)
    for name in ("p2.bmp", "p1.txt", "sub"):
        _forbid(
            scene, world.set / name, lambda name=name: scene.scanned(_as_nobody(scene), name, listed=name, errors=False)
        )
    _forbid(scene, world.set, lambda: scene.scanned(_as_nobody(scene), "the set", errors=True))
    world.without_cache()
    world.cache.mkdir(mode=0o755)
    scene.scanned(_as_nobody(scene), "the cache")
    world.cache.chmod(0o777)
    usual = scene.run(lambda: jobs.export(world)).value
    shutil.rmtree(world.out)
    world.places.chmod(0o755)
    scene.written(scene.run(lambda: _dropped(lambda: jobs.export(world))), "the destination", usual)
    scene.source = _without_times(scene)


def _without_times(scene: Scene) -> dict[str, tuple[Any, ...]]:
    from faulting.world import state

    return state(scene.world.set)  # the modes were changed and put back by this case itself


def _forbid(scene: Scene, path: Path, judged: Callable[[], None]) -> None:
    scene.world.without_cache()
    scene.world.cache.mkdir(mode=0o777)
    scene.world.cache.chmod(0o777)
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        judged()
    finally:
        path.chmod(mode & 0o7777)


def _as_nobody(scene: Scene) -> forked.Answer:
    return scene.run(lambda: _dropped(lambda: jobs.scan(scene.world)))


def _dropped(job: Callable[[], Any]) -> Any:
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    return job()


CASES: tuple[tuple[str, Callable[[Scene], None]], ...] = (
    ("no space for the cache, each statement", full_cache),
    ("no space for the cache, a small disk", small_cache_disk),
    ("no space for an export, each step", full_place),
    ("no space for an export, a small disk", small_place_disk),
    ("no space for picks, each step", full_place_for_picks),
    ("no space for a decision, each step", full_journal),
    ("no space for decisions, a small disk", small_journal_disk),
    ("I/O error in the middle of a read", unreadable_bytes),
    ("permission denied", forbidden),
)
