"""Files that change while they are read, clocks that jump, slow disks, and two runs at once."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from curate import pages, pipeline
from faulting import forked, jobs, steps
from faulting.cases import Scene, every_file
from faulting.disks import decide
from faulting.world import World

LONG_AGO = 10**18  # ns: September 2001, the stamp of all files here
MOMENTS = (0, 1, 4, 8, 12, 16, 20, 24, 28, 34)  # calls of the progress at which a file is changed
SLOW = 0.3  # s that each file takes on a slow mount
PROMPT = 10.0  # s within which Ctrl-C must end a scan on a busy machine


def vanish(path: Path) -> None:
    path.unlink()


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0" * 1000)


def rewrite(path: Path) -> None:
    """Other bytes of the same length with the same stamp, as some programs write them."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    os.utime(path, ns=(LONG_AGO, LONG_AGO))


def another(path: Path) -> None:
    """Another picture takes its place in one step."""
    other = path.with_name(".other")
    shutil.copyfile(path.parent / "p5.png", other)
    other.replace(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES = (vanish, grow, rewrite, another, folder)


def changing_files(scene: Scene) -> None:
    """A picture, a caption and a mask change at many moments of a scan, in five ways."""
    world = scene.world
    for name in ("p4.jpg", "p2.txt", "p1-masklabel.png"):
        kept = (world.set / name).read_bytes()
        for change in CHANGES:
            for moment in MOMENTS if name == "p4.jpg" else MOMENTS[::3]:
                world.without_cache()
                what = f"{name}: {change.__name__} at {moment}"
                answer = scene.run(partial(_scan_changing, world, world.set / name, change, moment))
                _judge(scene, answer, name, what)
                _restore(world.set / name, kept)
                scene.next_scan(what)
    scene.source = _state(world)


def _judge(scene: Scene, answer: forked.Answer, name: str, what: str) -> None:
    """As ever, or with what is there now; or the file is listed. Whatever it is, nobody is missing."""
    case = scene.case
    case.tried += 1
    if answer.error:
        if answer.declared:
            case.told += 1
        else:
            case.fault(f"{what}: {answer.error}")
        return
    import json

    found = json.loads(answer.value)
    missing = set(every_file(scene.usual)) - set(every_file(found))
    if missing - {name} or (missing and (scene.world.set / name).is_file()):
        case.fault(f"{what}: {missing} is nowhere")
    elif {**found, "notes": []} == {**scene.usual, "notes": []}:
        case.right += 1
    else:
        case.told += 1


def _scan_changing(world: World, path: Path, change: Callable[[Path], None], moment: int) -> str:
    seen = [0]

    def progress(stage: str, done: int, total: int) -> None:
        if seen[0] == moment:
            change(path)
        seen[0] += 1

    return pages.as_json(pipeline.scan(world.set, world.settings(), progress=progress))


def changing_exports(scene: Scene) -> None:
    """A picture changes at many moments of an export."""
    world = scene.world
    usual = scene.run(lambda: jobs.export(world)).value
    for name in ("p0.jpg", "p4.jpg", "p6.bmp"):
        kept = (world.set / name).read_bytes()
        for change in CHANGES:
            for moment in MOMENTS:
                shutil.rmtree(world.out, ignore_errors=True)
                what = f"{name}: {change.__name__} at {moment}"
                answer = scene.run(partial(_export_changing, world, world.set / name, change, moment))
                _judge_export(scene, answer, what, usual)
                _restore(world.set / name, kept)
    scene.source = _state(world)


def _export_changing(world: World, path: Path, change: Callable[[Path], None], moment: int) -> dict[str, str]:
    from curate import output

    seen = [0]

    def progress(stage: str, done: int, total: int) -> None:
        if seen[0] == moment:
            change(path)
        seen[0] += 1

    settings = output.Settings(trainer="kohya", trigger="first")
    written = pipeline.export(world.set, world.out, settings, scan_settings=world.settings(), progress=progress)
    return {one.path: one.digest for one in written.files}


def _judge_export(scene: Scene, answer: forked.Answer, what: str, usual: dict[str, str]) -> None:
    """As ever, a clear line and nothing left, or a whole set of what was there when it was scanned."""
    world, case = scene.world, scene.case
    if not answer.error and answer.value != usual:
        case.tried += 1
        wrong = jobs.is_whole(world.out)
        case.told += not wrong
        if wrong:
            case.fault(f"{what}: {wrong}")
        return
    scene.written(answer, what, usual)


def _restore(path: Path, data: bytes) -> None:
    if path.is_dir():
        path.rmdir()
    (path.parent / ".other").unlink(missing_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))


def _state(world: World) -> dict[str, tuple[Any, ...]]:
    from faulting.world import state

    return state(world.set)  # this case itself changed files, and put them back


def jumping_clocks(scene: Scene) -> None:
    world = scene.world
    usual = scene.run(lambda: jobs.export(world)).value
    for seed in range(10):
        shutil.rmtree(world.out, ignore_errors=True)
        world.without_cache()
        scene.scanned(scene.run(partial(_jumping, seed, partial(jobs.scan, world))), f"scan {seed}")
        scene.next_scan(f"after scan {seed}")
        scene.written(scene.run(partial(_jumping, seed, partial(jobs.export, world))), f"export {seed}", usual)
        confirmed = scene.run(partial(_jumping, seed, partial(decide, world)))
        scene.case.tried += 1
        scene.case.right += not confirmed.error and not confirmed.value[1]
        if confirmed.error or confirmed.value[1]:
            scene.case.fault(f"decisions {seed}: {confirmed.error or confirmed.value[1]}")
        shutil.rmtree(world.cache / "decisions")


def _jumping(seed: int, job: Callable[[], Any]) -> Any:
    steps.jumping_clocks(seed)
    return job()


def odd_stamps(scene: Scene) -> None:
    """Times of change in the future, before 1970 and at 0."""
    world = scene.world
    for stamp in (0, -(10**18), 4_000_000_000 * 10**9, 1, time.time_ns()):
        for path in world.set.rglob("*"):
            if path.is_file():
                os.utime(path, ns=(stamp, stamp))
        scene.scanned(scene.run(lambda: jobs.scan(world)), f"{stamp} ns")
        scene.next_scan(f"after {stamp} ns")
    scene.source = _state(world)


def at_once(scene: Scene) -> None:
    """Three scans of one folder with one cache, three exports to one place, three who decide."""
    world, case = scene.world, scene.case
    for number in range(6):
        world.without_cache()
        for answer in _together(world, lambda: jobs.scan(world)):
            scene.scanned(answer, f"scans {number}")
        scene.next_scan(f"after scans {number}")
    usual = scene.run(lambda: jobs.export(world)).value
    for number in range(6):
        shutil.rmtree(world.out, ignore_errors=True)
        answers = _together(world, lambda: jobs.export(world))
        case.tried += len(answers)
        good = [one for one in answers if not one.error and one.value == usual]
        case.right, case.told = (
            case.right + len(good),
            case.told + sum(one.declared and bool(one.error) for one in answers),
        )
        if len(good) != 1 or jobs.is_whole(world.out) or len(list(world.places.iterdir())) != 1:
            case.fault(f"exports {number}: {[one.error for one in answers]}, {list(world.places.iterdir())}")
    for number in range(6):
        shutil.rmtree(world.cache / "decisions", ignore_errors=True)
        answers = _together(world, lambda: decide(world))
        case.tried += len(answers)
        case.right += sum(not one.error and not one.value[1] for one in answers)
        for one in answers:
            if one.error or one.value[1]:
                case.fault(f"decisions {number}: {one.error or one.value[1]}")


def _together(world: World, job: forked.Job) -> list[forked.Answer]:
    children = [forked.Child(job, world.desk) for _ in range(3)]
    return [child.end() for child in children]


def slow_mount(scene: Scene) -> None:
    """Every file takes long to open: the answer is as ever, and Ctrl-C ends a scan at many moments."""
    world, case = scene.world, scene.case
    world.without_cache()
    scene.scanned(scene.run(lambda: _slow(world, SLOW / 10)), "a slow mount")
    for number in range(8):
        world.without_cache()
        child = forked.Child(lambda: _slow(world, SLOW), world.desk)
        time.sleep(0.3 + 0.4 * number)
        child.kill(signal.SIGINT)
        start = time.monotonic()
        answer = child.end()
        case.tried += 1
        if answer.error.startswith("KeyboardInterrupt") and time.monotonic() - start < PROMPT:
            case.told += 1
        elif not answer.error:
            case.right += 1
        else:
            case.fault(f"Ctrl-C {number}: {answer.error or 'too late'}")
        scene.next_scan(f"after Ctrl-C {number}")


def _slow(world: World, seconds: float) -> str:
    steps.slow_reads(seconds)
    return jobs.scan(world)


CASES: tuple[tuple[str, Callable[[Scene], None]], ...] = (
    ("files that change during a scan", changing_files),
    ("files that change during an export", changing_exports),
    ("clocks that jump", jumping_clocks),
    ("stamps in the future and before 1970", odd_stamps),
    ("three runs at once", at_once),
    ("a slow mount, and Ctrl-C", slow_mount),
)
