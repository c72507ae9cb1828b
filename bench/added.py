"""How long a scan takes when one picture is added to many known ones, beside what the program needs to start.

    python bench/added.py                        10,000 pictures; the first scan of them takes some minutes
    python bench/added.py --work FOLDER          keeps pictures and cache there, and uses them again

Draws small pictures with captions, scenes of a few with copies among them, and scans them once. Then fresh processes of
`curate scan` on one known picture and on all known ones, each as it is and with a picture added that was never seen
(a new one every time). Prints one table: seconds by the clock and of the processors (user and system, which a busy
machine changes less), what is above the start-up, and where the time of a scan goes. Start-up is the same command with
the same change on a folder of one known picture: it holds the interpreter, the libraries, and where a picture is new
the model.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 112  # px: what is measured here does not depend on the size
SCENE = 8  # pictures that share a background
COPIED = 25  # every so many-th picture is another encoding of the one before
OCTAVES = (2, 4, 8, 16)  # cells a side of the noise that a background is drawn from
QUALITY = 90  # of the JPEG
ROUNDS = 3
PARTS = (  # what a scan calls, in the order in which it does; what is within another is indented
    ("curate.pictures", "scan", "walk the folder, read captions"),
    ("curate.features", "choose", "choose the model"),
    ("curate.features", "measure", "recall what is known, measure what is new"),
    ("curate.copies", "compare", "propose and prove pairs"),
    ("curate.copies.remembered", "Carried.neighbours", "  neighbours by embedding"),
    ("curate.copies.remembered", "Carried.hashed", "  near hashes"),
    ("curate.copies.prove", "Prover.prove", "  recall verdicts, align what is new"),
    ("curate.copies", "stars", "group (twice)"),
    ("curate.diversity", "measure", "effective images"),
    ("curate.diversity.scenes", "clusters", "scenes"),
    ("curate.features.checks.captions", "judge", "captions"),
    ("curate.pages", "scan_page", "the page"),
    ("curate.pages", "as_json", "the JSON"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the pictures lie, and the caches that know them."""

    many: Path
    one: Path
    caches: Path
    model: str

    def command(self, folder: Path) -> list[str]:
        cache = str(self.caches / folder.name)
        return ["scan", str(folder), "--cache", cache, "--model", self.model, "--views", "off", "--offline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    clock: float  # s
    processors: float  # s, user and system, of all cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--model", default="builtin", help="as of curate scan")
    parser.add_argument("--work", type=Path, help="a folder of this bench's own; without it a temporary one")
    parser.add_argument("--parts", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.parts:
        print(json.dumps(parts(arguments.parts)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        place = Place(many=work / "many", one=work / "one", caches=work / "cache", model=arguments.model)
        prepare(place, arguments.pictures)
        print("\n".join(table(place, arguments.pictures, arguments.rounds)))


def prepare(place: Place, count: int) -> None:
    """Draws what is not there yet and scans it, so that all of it is known."""
    for folder, size in ((place.one, 1), (place.many, count)):
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(size):
            if not (folder / f"{number:06}.jpg").exists():
                draw(folder, number)
        for added in folder.glob("added*"):
            added.unlink()
        started = time.perf_counter()
        run(place.command(folder))
        print(f"scanned {size:,} drawn pictures: {time.perf_counter() - started:.0f} s", file=sys.stderr)


def table(place: Place, count: int, rounds: int) -> list[str]:
    found: dict[tuple[Path, bool], list[Took]] = {}
    for _ in range(rounds):  # in turn, so that a busy machine slows all of them
        for folder in (place.one, place.many):
            run(place.command(folder))  # what is remembered of the folder is of its last scan
            found.setdefault((folder, False), []).append(run(place.command(folder)))
            with one_more(folder):
                found.setdefault((folder, True), []).append(run(place.command(folder)))
    middle = {
        key: Took(clock=median(took, "clock"), processors=median(took, "processors")) for key, took in found.items()
    }
    lines = [f"{'':<44}{'clock s':>9}{'processor s':>13}{'above start-up':>16}"]
    for added, what in ((False, "nothing changed"), (True, "a new picture")):
        for folder, size in ((place.one, 1), (place.many, count)):
            took, start = middle[folder, added], middle[place.one, added]
            above = "" if folder == place.one else f"{took.clock - start.clock:.2f}"
            name = f"{size:,} known {'picture' if size == 1 else 'pictures'}, {what}"
            lines.append(f"{name:<44}{took.clock:>9.2f}{took.processors:>13.2f}{above:>16}")
    run(place.command(place.many))
    old = child_parts(place)
    with one_more(place.many):
        new = child_parts(place)
    lines += ["", f"{'where the time goes, s of the processors':<44}{'new':>9}{'unchanged':>13}"]
    lines += [f"  {what:<42}{new[what]:>9.2f}{old[what]:>13.2f}" for what in new]
    return lines


def median(took: list[Took], which: str) -> float:
    return statistics.median(getattr(one, which) for one in took)


@contextmanager
def one_more(folder: Path) -> Iterator[None]:
    """Adds a picture that no cache knows, and takes it away again."""
    number = time.time_ns()
    draw(folder, number, "added")
    try:
        yield
    finally:
        for path in folder.glob("added*"):
            path.unlink()


def run(command: list[str]) -> Took:
    """A fresh process of curate."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-m", "curate", *command], check=True, stdout=subprocess.DEVNULL)
    clock, after = time.perf_counter() - start, os.times()
    processors = after.children_user + after.children_system - before.children_user - before.children_system
    return Took(clock=clock, processors=processors)


def child_parts(place: Place) -> dict[str, float]:
    command = [sys.executable, __file__, "--parts", *place.command(place.many)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {str(name): float(value) for name, value in json.loads(told).items()}


def parts(command: list[str]) -> dict[str, float]:
    """Processor seconds of each of PARTS in a scan of this process; the JSON is made beside the page."""
    took: dict[str, float] = {}
    start = time.process_time()
    for module, name, what in PARTS:
        *owners, last = name.split(".")
        home = reduce(getattr, owners, import_module(module))
        setattr(home, last, timed(getattr(home, last), took, what))
    from curate import pages, pipeline
    from curate.settings import ScanSettings

    took["import of the libraries above"] = time.process_time() - start
    folder, cache, model = (command[at] for at in (1, 3, 5))
    analysis = pipeline.scan(folder, ScanSettings(cache=Path(cache), model=model, views="off", offline=True))
    pages.scan_page(analysis)
    pages.as_json(analysis)
    whole = time.process_time() - start
    counted = sum(value for what, value in took.items() if not what.startswith("  "))
    return {**took, "other": whole - counted}


def timed(function: Callable[..., Any], took: dict[str, float], what: str) -> Callable[..., Any]:
    took[what] = 0.0

    def timing(*given: Any, **named: Any) -> Any:
        start = time.process_time()
        made = function(*given, **named)
        if isinstance(made, Iterator):
            made = list(made)
        took[what] += time.process_time() - start
        return made

    return timing


def draw(folder: Path, number: int, name: str = "") -> None:
    """A picture and its caption: the background of its scene, shapes of its own. Every COPIED-th is a copy instead."""
    path = folder / f"{name}{number:06}.jpg"
    copied = not name and number % COPIED == COPIED - 1
    picture = drawn(number - copied)
    Image.fromarray(picture).save(path, quality=60 if copied else QUALITY)
    path.with_suffix(".txt").write_text(caption(number), encoding="utf-8")


def caption(number: int) -> str:
    """Some are shared by many, as those of tagging programs are."""
    return "a photo" if number % 10 == 0 else f"scene {number // SCENE}, {number % SCENE} shapes, seen from the front"


def drawn(number: int) -> np.ndarray:
    import cv2

    scene, own = np.random.default_rng((number // SCENE, 1)), np.random.default_rng((number, 2))
    picture = np.zeros((SIDE, SIDE, 3), np.float32)
    for cells in OCTAVES:
        noise = scene.standard_normal((cells, cells, 3), dtype=np.float32)
        picture += cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    level = scene.uniform(70, 180, size=3).astype(np.float32)
    flat = np.clip(picture * np.float32(40 / picture.std()) + level, 0, 255).astype(np.uint8)
    for _ in range(own.integers(3, 9)):
        outline = own.uniform(0, SIDE, 2) + own.uniform(-0.4, 0.4, (own.integers(3, 7), 2)) * SIDE
        cv2.fillPoly(flat, [outline.astype(np.int32)], own.uniform(0, 255, size=3).tolist())
    return flat


if __name__ == "__main__":
    main()
