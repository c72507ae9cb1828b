"""What is left of exports and updates that are killed: at random moments, and before each single change on the disk.

    python bench/kills.py [--rounds 100] [--pictures 40] [--every]

Each round is a process of its own that is killed (SIGKILL on POSIX, TerminateProcess on Windows). Afterwards the
destination must be whole or absent, after an update the old set or the new with the user's file in it, at most one
temporary folder may lie beside it, the next run must mend all, and the source must be as it was. `--every` kills before
each call that changes the disk, of one export and one update each way, instead of at random moments. Prints one table.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from curate import output, pictures

MODES = ("export", "update", "update by two renames")
CHANGES = ("os.rename", "os.mkdir", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.utime", "shutil.rmtree")
WORDS = ("first", "second")  # trigger words that tell the old set from the new
CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import kills
mode, source, place, word, at = sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5], int(sys.argv[6])
draft = kills.drafted(source, place, word)
print("ready", flush=True)
sys.stdin.readline()
if at:
    kills.die_before_change(at)
kills.written(draft, place, mode)
print("done", flush=True)
sys.stdin.readline()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100, help="killed runs of each mode")
    parser.add_argument("--pictures", type=int, default=40, help="pictures in the set")
    parser.add_argument("--every", action="store_true", help="before each change on the disk instead")
    chosen = parser.parse_args()
    print(f"{'mode':<24}{'kills':>6}  {'absent':>6}  {'old':>6}  {'new':>6}  {'left a folder':>13}  faults")
    for mode in MODES:
        with tempfile.TemporaryDirectory(prefix="curate-kills-") as folder:
            stand = Stand.made(Path(folder), chosen.pictures, mode)
            found = every(stand) if chosen.every else at_random(stand, chosen.rounds)
        counts = Counter(one.state for one in found)
        left = sum(one.left for one in found)
        states = "  ".join(f"{counts[state]:>6}" for state in ("absent", "old", "new"))
        faults = [fault for one in found for fault in one.faults]
        print(f"{mode:<24}{len(found):>6}  {states}  {left:>13}  {len(faults) or 'none'}")
        for fault in faults:
            print(f"    {fault}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one killed run left."""

    state: str  # of the destination: absent, old or new
    left: bool  # a temporary folder
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stand:
    """A small set, and the place that it is exported to again and again."""

    mode: str
    source: Path
    place: Path
    before: dict[str, tuple[str, int]]

    @classmethod
    def made(cls, folder: Path, number: int, mode: str) -> Stand:
        source = folder / "source"
        source.mkdir(parents=True)
        rng = np.random.default_rng(number)
        for at in range(number):
            pixels = rng.integers(0, 255, (90, 120, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(source / f"p{at}.{'bmp' if at % 2 else 'png'}")
            (source / f"p{at}.txt").write_text(f"picture {at}", encoding="utf-8")
        (folder / "sets").mkdir()
        return cls(mode, source, folder / "sets" / "out", state(source))

    def prepare(self) -> None:
        """The old set with a file of the user; nothing for an export."""
        self.clean()
        if self.mode != "export":
            output.write(drafted(self.source, self.place, WORDS[0]), self.place, update=True)
            (self.place / "mine.txt").write_text("mine", encoding="utf-8")

    def clean(self) -> None:
        """An empty place, by the export's own means as far as they are to be proved."""
        for path in output.leftovers(self.place):
            output.remove_leftover(path)
        if self.place.exists():
            self.place.rename(self.place.parent.parent / f"done-{time.monotonic_ns()}")

    def judged(self) -> Outcome:
        """What lies there after a kill, and whether the next run mends it."""
        faults = []
        left = [path for path in self.place.parent.iterdir() if path != self.place]
        if len(left) > 1 or list(output.leftovers(self.place)) != left:
            faults.append(f"left {[path.name for path in left]}")
        found = self.state(faults)
        if self.mode != "export":
            output.write(drafted(self.source, self.place, WORDS[1]), self.place, update=True)
            if self.state(faults) != "new":
                faults.append("the next update does not mend it")
        for path in output.leftovers(self.place):
            output.remove_leftover(path)
        if [path for path in self.place.parent.iterdir() if path != self.place]:
            faults.append("a temporary folder cannot be removed")
        if state(self.source) != self.before:
            faults.append("the source changed")
        return Outcome(found, bool(left), tuple(faults))

    def state(self, faults: list[str]) -> str:
        if not self.place.exists():
            return "absent"
        found = output.verify(self.place)
        wanted = () if self.mode == "export" else ("mine.txt",)
        if found.missing or found.changed or found.added != wanted:
            faults.append(f"not whole: {output.verify_lines(found)[-1]}")
        words = {path.read_text(encoding="utf-8").split(",")[0] for path in self.place.rglob("p*.txt")}
        if len(words) != 1:
            faults.append(f"a mixture of {words}")
        return "old" if words == {WORDS[0]} else "new"


def at_random(stand: Stand, rounds: int, seed: int = 5) -> list[Outcome]:
    """Outcomes of runs that were killed at random moments of their writing."""
    random = Random(seed)
    stand.prepare()
    took = run(stand)
    found = []
    for _ in range(rounds):
        stand.prepare()
        run(stand, delay=random.random() * took * 1.1)
        found.append(stand.judged())
    return found


def every(stand: Stand, step: int = 1) -> list[Outcome]:
    """Outcomes of runs that were killed before their first change on the disk, their second, ..., up to the last."""
    found = []
    at = 1
    while True:
        stand.prepare()
        if run(stand, at=at) > 0:  # it came through: there were fewer changes
            return found
        found.append(stand.judged())
        at += step


def run(stand: Stand, *, delay: float | None = None, at: int = 0) -> float:
    """One run in a process of its own; seconds that its writing took, -1 where it was killed before its end.

    `delay`: s after its start at which it is killed; None: not by us.
    """
    arguments = [str(Path(__file__).parent), stand.mode, str(stand.source), str(stand.place), WORDS[1], str(at)]
    command = [sys.executable, "-c", CHILD, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the run did not start")
        start = time.monotonic()
        process.stdin.write("\n")
        process.stdin.flush()
        if delay is None:
            done = process.stdout.readline() == "done\n"
            took = time.monotonic() - start if done else -1.0
        else:
            time.sleep(delay)
            took = -1.0
        process.kill()
    return took


def drafted(source: Path, place: Path, word: str) -> output.Draft:
    """The set for kohya, half of it written anew, with a trigger word."""
    catalog = pictures.scan(source)
    reader = pictures.Source(catalog.folder)
    items = tuple(
        output.Item(picture=one, facts=pictures.decode(reader.read(one.path)).facts) for one in catalog.pictures
    )
    settings = output.Settings(trainer="kohya", trigger=word)
    return output.draft(output.Export(folder=catalog.folder, items=items, settings=settings), place)


def written(draft: output.Draft, place: Path, mode: str) -> None:
    if mode == "update by two renames":
        from curate.output import swap

        swap._swapped = lambda one, other: False  # as on Windows
    output.write(draft, place, update=mode != "export")


def die_before_change(at: int) -> None:
    """Kills this process before its `at`-th change on the disk from now on."""
    import os
    import signal

    seen = [0]

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if event in CHANGES or writes:
            seen[0] += 1
            if seen[0] == at:
                os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
                time.sleep(60)  # until it takes effect

    sys.addaudithook(watch)


def state(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file's digest and time of change."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


if __name__ == "__main__":
    main()
