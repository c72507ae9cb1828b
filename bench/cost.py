"""What a picture costs, stage by stage, and what ten and a hundred million would.

    python bench/cost.py                  draws 1,000 pictures of three sizes first; about ten minutes on two cores
    python bench/cost.py --work FOLDER    keeps the drawn pictures there, and uses them again
    python bench/cost.py --counts 50 100 200

Scans in fresh processes, with the built-in model and views off, give the seconds of the processors (user and system, of
all processes) that each stage takes. What fits them best, a fixed part and per picture a part for itself and one for
its pixels, is then asked for pictures of a size, and a number, that it was not fitted on: the error is printed. The
head's part, reading measured features back, is fitted on made-up ones likewise. Prints one table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

COUNTS = (100, 300, 1000)
SIDES = (512, 1024)  # px, that the costs are fitted on
CHECKED = (768, 600)  # px and pictures, that they are checked on
KNOWN = (5_000, 20_000)  # pictures whose features the head reads back
KNOWN_CHECKED = 40_000
STAGES = ("starting", "reading", "measuring", "comparing", "deciding")
ASKED = ((10_000_000, 1.0), (100_000_000, 1.0))  # pictures, megapixels each
CORES, HOURS = 64, 24  # of a machine, and that a run may take
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One scan."""

    count: int
    megapixels: float  # of a picture
    seconds: dict[str, float]  # of the processors, by stage
    source_bytes: float  # a picture
    feature_bytes: float  # a picture, as Parquet
    peak_mib: float  # of memory, of the scanning process itself


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="folder for the drawn pictures")
    parser.add_argument(
        "--counts", type=int, nargs="+", default=COUNTS, metavar="N", help="pictures of the fitted runs"
    )
    parser.add_argument(
        "--known", type=int, nargs="+", default=(*KNOWN, KNOWN_CHECKED), metavar="N", help="of the head's"
    )
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--head", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(Path(arguments.one[0]), int(arguments.one[1]))))
    elif arguments.head:
        print(json.dumps(head(arguments.head)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            print("\n".join(table(arguments.work or Path(folder), arguments.counts, arguments.known)))


def table(work: Path, counts: Sequence[int], known: Sequence[int]) -> list[str]:
    checked_side, checked_count = CHECKED
    checked_count = min(checked_count, max(counts))
    draw(work, max(counts))
    runs = [scanned(work, side, count) for side in SIDES for count in counts]
    check = scanned(work, checked_side, checked_count)
    heads = [ran("--head", str(count)) for count in known]
    costs = {stage: fit(runs, stage) for stage in STAGES}
    lines = [
        f"fitted on {' and '.join(map(str, SIDES))} px, {', '.join(map(str, counts))} pictures each; "
        f"checked on {check.count} of {checked_side} px",
        f"{'core-seconds':<12}{'fixed':>10}{'a picture':>12}{'a megapixel':>13}{'foretold':>11}{'measured':>10}  error",
    ]
    for stage, cost in costs.items():
        lines.append(f"{stage:<12}{cost[0]:>10.2f}{cost[1]:>12.5f}{cost[2]:>13.5f}" + compared(cost, check, [stage]))
    whole = np.sum(list(costs.values()), axis=0)
    lines.append(f"{'all':<12}{whole[0]:>10.2f}{whole[1]:>12.5f}{whole[2]:>13.5f}" + compared(whole, check, STAGES))
    features = float(np.mean([run.feature_bytes for run in runs]))
    density = float(np.mean([run.source_bytes / run.megapixels for run in runs if run.megapixels > 0.5]))
    lines.append(f"bytes: {density / 1e6:.2f} MB of JPEG a megapixel, {features / 1e3:.2f} kB of features a picture")
    lines.append(f"peak memory of the scan: {', '.join(f'{run.peak_mib:.0f}' for run in runs)} MiB")
    seconds, memory = head_costs(heads, known)
    lines += head_lines(heads, known, seconds, memory)
    per_picture = costs["reading"] + costs["measuring"]
    lines += [asked(count, size, per_picture, features, density, seconds, memory) for count, size in ASKED]
    return lines


def fit(runs: Sequence[Run], stage: str) -> NDArray[np.float64]:
    """[fixed, a picture, a megapixel], core-seconds, none below zero; relative errors count, so that small runs do."""
    rows = np.array([[1.0, run.count, run.count * run.megapixels] for run in runs])
    taken = np.array([run.seconds[stage] for run in runs])
    weight = 1 / np.maximum(taken, 0.05)  # s: below that the clock's ticks of 10 ms are most of it
    return nnls(rows * weight[:, None], taken * weight)[0]


def compared(cost: NDArray[np.float64], check: Run, stages: Iterable[str]) -> str:
    foretold = float(cost @ [1.0, check.count, check.count * check.megapixels])
    measured = sum(check.seconds[stage] for stage in stages)
    error = f"{foretold / measured - 1:>+7.0%}" if measured > 0.05 else ""  # s: the clock ticks every 10 ms
    return f"{foretold:>11.2f}{measured:>10.2f}{error}"


def head_costs(heads: Sequence[dict[str, float]], known: Sequence[int]) -> tuple[float, float]:
    """Core-seconds and bytes of memory for each known picture, from the first and the last but one."""
    span = known[-2] - known[0]
    first, last = heads[0], heads[-2]
    return (last["seconds"] - first["seconds"]) / span, (last["bytes"] - first["bytes"]) / span


def head_lines(heads: Sequence[dict[str, float]], known: Sequence[int], seconds: float, memory: float) -> Iterable[str]:
    more = known[-1] - known[-2]
    foretold = heads[-2]["seconds"] + seconds * more, heads[-2]["bytes"] + memory * more
    errors = foretold[0] / heads[-1]["seconds"] - 1, foretold[1] / heads[-1]["bytes"] - 1
    yield (
        f"the head, reading features back: {seconds * 1e6:.0f} core-microseconds and {memory / 1e3:.1f} kB of memory a "
        f"picture; foretold for {known[-1]:,}: {errors[0]:+.0%} and {errors[1]:+.0%}"
    )


def asked(
    count: int,
    megapixels: float,
    cost: NDArray[np.float64],
    features: float,
    density: float,
    head_seconds: float,
    head_memory: float,
) -> str:
    core_hours = count * float(cost[1] + cost[2] * megapixels) / 3600
    machines = max(1, round(core_hours / CORES / HOURS))
    return (
        f"{count:,} pictures of {megapixels:g} megapixel: {core_hours:,.0f} core-hours ({machines} x {CORES} cores for "
        f"{core_hours / CORES / machines:.1f} h), {2 * count * density * megapixels / 1e12:,.1f} TB read, "
        f"{count * features / 1e9:,.0f} GB of features, the head {count * head_seconds / 3600:,.1f} core-hours and "
        f"{count * head_memory / 1e9:,.0f} GB of memory"
    )


def draw(work: Path, count: int) -> None:
    """The same pictures in each size."""
    from PIL import Image
    from speed import QUALITY, SIDE, make

    largest = work / str(SIDE)
    if len(list(largest.glob("*.jpg"))) < count:
        make(count, largest)
    for side in (*SIDES, CHECKED[0]):
        folder = work / str(side)
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(largest.glob("*.jpg"))[:count]:
            if not (folder / path.name).exists():
                with Image.open(path) as picture:
                    picture.resize((side, side), Image.Resampling.LANCZOS).save(folder / path.name, quality=QUALITY)


def scanned(work: Path, side: int, count: int) -> Run:
    """A scan of the first pictures of that size."""
    found = ran("--one", str(work / str(side)), str(count))
    return Run(
        count=count,
        megapixels=side * side / 1e6,
        seconds={stage: found[stage] for stage in STAGES},
        source_bytes=found["source"] / count,
        feature_bytes=found["features"] / count,
        peak_mib=found["peak"] / 2**20,
    )


def ran(*arguments: str) -> dict[str, float]:
    """What a process of its own prints."""
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def one(folder: Path, count: int) -> dict[str, float]:
    """Processor seconds of each stage of a scan, and bytes."""
    import curate
    from curate import pipeline
    from curate.decisions import open_journal

    with tempfile.TemporaryDirectory() as place:
        chosen = Path(place, "pictures")
        chosen.mkdir()
        size = 0
        for path in sorted(folder.glob("*.jpg"))[:count]:
            (chosen / path.name).write_bytes(path.read_bytes())
            size += path.stat().st_size
        began = {"starting": 0.0}
        settings = curate.ScanSettings(
            model="builtin",
            views="off",
            offline=True,
            cache=Path(place, "cache"),
            features=str(Path(place, "features")),
        )

        def told(stage: str, done: int, total: int) -> None:
            began.setdefault(stage, spent())

        measured = pipeline.measured(chosen, settings, progress=told)
        began["deciding"] = spent()
        pipeline.decide(measured, open_journal(chosen, settings).present)
        ended = spent()
        features = sum(path.stat().st_size for path in Path(place, "features").rglob("*.parquet"))
    began.setdefault("comparing", began["deciding"])
    times = [*(began[stage] for stage in STAGES), ended]
    return {
        **{stage: times[at + 1] - times[at] for at, stage in enumerate(STAGES)},
        "source": size,
        "features": features,
        "peak": peak(),
    }


def head(count: int) -> dict[str, float]:
    """Processor seconds and memory of reading the features of so many pictures back."""
    from curate.features.embed import EMBEDDERS
    from curate.features.embed.base import Wish
    from curate.features.measure import Kept, measure
    from curate.features.parquet import HELD, ParquetStore
    from curate.records import Catalog, Picture
    from curate.settings import ScanSettings

    embedder = EMBEDDERS["builtin"](Wish())
    kept = Kept((255, 255, 255), embedder, None)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        settings = ScanSettings(model="builtin", views="off", use_cache=False)
        value = _one_value(Path(place), settings, kept)
        store = ParquetStore(Path(place, "features"))
        digests = [f"{at:064x}" for at in range(count)]
        for start in range(0, count, HELD):
            some = digests[start : start + HELD]
            rows = rng.standard_normal((len(some), 1280), dtype=np.float32)
            store.put(
                {
                    kept.of_all[0]: dict.fromkeys(some, value),
                    kept.of_all[1]: {digest: row.tobytes() for digest, row in zip(some, rows, strict=True)},
                }
            )
        store.close()
        pictures = tuple(Picture(path=f"{digest}.jpg", digest=digest, size_bytes=1) for digest in digests)
        catalog = Catalog(folder=place, pictures=pictures)
        before, begun = memory(), spent()
        found = measure(catalog, embedder, ParquetStore(Path(place, "features")), settings)
        result = {"seconds": spent() - begun, "bytes": memory() - before}
        assert len(found[1].facts) == count
    return result


def _one_value(place: Path, settings: object, kept: object) -> bytes:
    """What is kept of a real picture."""
    from PIL import Image

    from curate import features, pictures
    from curate.features.measure import Kept, measure
    from curate.features.parquet import ParquetStore
    from curate.settings import ScanSettings

    assert isinstance(settings, ScanSettings)
    assert isinstance(kept, Kept)
    folder = place / "one"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((512, 512)).save(folder / "one.jpg")
    store = ParquetStore(place / "value")
    catalog = pictures.scan(folder)
    digest = catalog.pictures[0].digest
    measure(catalog, features.choose(settings)[0], store, settings)
    return store.get(kept.of_all[0], [digest])[digest]


def spent() -> float:
    """Processor seconds so far, of this process and all below it: what has ended, and on Linux what has not."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    return total + sum(_live(os.getpid()))


def _live(parent: int) -> Iterable[float]:
    """Of each process below another one, from Linux's /proc; nothing elsewhere."""
    for task in Path(f"/proc/{parent}/task").glob("*/children") if Path("/proc").is_dir() else ():
        try:
            children = [int(text) for text in task.read_text(encoding="ascii").split()]
        except OSError:
            continue
        for child in children:
            try:
                fields = Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except OSError:
                continue
            yield sum(map(int, fields[11:15])) / TICKS  # utime, stime, cutime, cstime
            yield from _live(child)


def memory() -> float:
    """Bytes that this process has in memory; on Linux now, elsewhere at its peak."""
    status = Path("/proc/self/statm")
    if status.exists():
        return float(status.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return peak()


def peak() -> float:
    """Bytes that this process had in memory at its peak."""
    if sys.platform == "win32":
        return float("nan")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
