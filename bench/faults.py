"""What is left of runs that are killed at any moment, and what is said and lost when disks, files and clocks fail.

    python bench/faults.py --kills 200 [--of scan export review fill] [--every] [--log FILE]
    python bench/faults.py --faults

Kills: each run is a process that is killed (SIGKILL) at a moment drawn evenly from its whole length. Afterwards caches
must be usable, a destination whole or absent (after an update the old set or the new, with the user's file), decisions
that the page confirmed on the disk, the source as it was, and the next run must give what an undisturbed one gives.
`--kills` is the number that the log shall hold of each kind: trials go on where an earlier sitting ended. `--every`
kills before every single step on the disk instead, SQLite's statements included.

Faults: no space at every write, I/O errors, permissions, files that change, clocks that jump, two runs at once, caches
that are damaged. Each case must end in the right answer, or in a clear line or a listed file.

Runs are forked from a process in which everything is imported, so Linux and macOS only. Pictures are drawn, and an
embedder without weights stands in for a network. Prints one table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from faulting import cases, jobs, killed, world  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=0, help="kills of each kind that the log shall hold")
    parser.add_argument("--of", nargs="+", choices=killed.KINDS, default=killed.KINDS)
    parser.add_argument("--every", action="store_true", help="kill before every step on the disk, once")
    parser.add_argument("--faults", action="store_true", help="disks, files and clocks that fail")
    parser.add_argument("--only", nargs="+", default=(), help="words of the faults that are tried")
    parser.add_argument("--flips", type=int, default=200, help="bits of the cache that are flipped, one a run")
    parser.add_argument("--log", type=Path, help="JSON lines of all trials, over all sittings")
    chosen = parser.parse_args()
    jobs.warm()
    world.install()
    with tempfile.TemporaryDirectory(prefix="curate-faults-") as folder:
        root = Path(folder).resolve()
        if chosen.faults:
            return told_cases(cases.all_of(root, chosen.flips, chosen.only))
        if chosen.every:
            kinds = [kind for kind in chosen.of if kind != "review"]
            return told_kills(
                [one for kind in kinds for one in killed.at_every_step(killed.Stand.of(kind, root / kind))]
            )
        log = chosen.log or root / "kills.jsonl"
        for kind in chosen.of:
            sitting(kind, chosen.kills, log, root)
        return told_kills(read(log))


def sitting(kind: str, wanted: int, log: Path, root: Path) -> None:
    """Trials until the log holds as many kills of a kind as are wanted."""
    done = [one for one in read(log) if one.kind == kind]
    kills, number = sum(one.kills for one in done), max((one.number for one in done), default=-1) + 1
    if kills >= wanted:
        return
    stand = killed.Stand.of(kind, root / kind)
    with log.open("a", encoding="utf-8") as file:
        file.write("\n" if done else "")  # the last line may be torn
        while kills < wanted:
            outcome = stand.trial(number)
            file.write(json.dumps(asdict(outcome)) + "\n")
            file.flush()
            kills, number = kills + outcome.kills, number + 1


def read(log: Path) -> list[killed.Outcome]:
    """All trials of a log; the last line may be torn, since this program can be killed too."""
    found = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        found.append(killed.Outcome(**{**values, "faults": tuple(values["faults"])}))
    return found


def told_kills(found: Sequence[killed.Outcome]) -> int:
    """Prints the table; 1 where anything was lost."""
    print(f"{'job':<10}{'trials':>8}{'kills':>8}  {'left':<46}  faults")
    for kind in killed.KINDS:
        rows = [one for one in found if one.kind == kind]
        if rows:
            print(
                f"{kind:<10}{len(rows):>8}{sum(one.kills for one in rows):>8}  {_left(kind, rows):<46}  {_faults(rows)}"
            )
    total = sum(one.kills for one in found)
    print(f"{'all':<10}{len(found):>8}{total:>8}  {'':<46}  {_faults(found)}")
    for one in found:
        for fault in one.faults:
            print(f"    {one.kind} {one.number}: {fault}")
    return int(any(one.faults for one in found))


def _left(kind: str, rows: Sequence[killed.Outcome]) -> str:
    if kind == "review":
        return f"{sum(int(one.left) for one in rows):,} confirmed requests"
    counts = Counter(one.left for one in rows)
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _faults(rows: Sequence[killed.Outcome]) -> str:
    return str(sum(len(one.faults) for one in rows) or "none")


def told_cases(found: Iterator[cases.Case]) -> int:
    """Prints a line a fault; 1 where any was not met as promised."""
    print(f"{'fault':<44}{'tried':>7}{'told':>7}{'as ever':>9}  not as promised")
    wrong = tried = 0
    for one in found:
        print(f"{one.name:<44}{one.tried:>7}{one.told:>7}{one.right:>9}  {len(one.faults) or 'none'}", flush=True)
        for fault in one.faults[:10]:
            print(f"    {fault}")
        wrong, tried = wrong + len(one.faults), tried + one.tried
    print(f"{'all':<44}{tried:>7}{'':>16}  {wrong or 'none'}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
