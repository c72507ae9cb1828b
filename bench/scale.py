"""Search, hashes, groups and effective images on many pictures: made-up vectors, and verdicts that are given.

    python bench/scale.py                     10,000, 30,000 and 100,000 pictures
    python bench/scale.py --full              and 1,000,000: 6 GiB of memory, a quarter of an hour on two cores
    python bench/scale.py --sizes 5000 20000

Vectors have no pixels, so what alignment would say of a pair is made up with them: 2 % of the pictures are copies of
others, 4 % are look-alikes. Prints one table: the seconds of each stage by the clock, and of all stages those of the
processors ("core-s"), by which "exponent" tells how time grows. "recall" is the share of the neighbours of exact
search, not below the floor, that were found for some pictures compared with all; "copies" the share of the planted
copies in their groups.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from curate import copies, diversity, features
from curate.copies import propose
from curate.copies.align import Proof
from curate.copies.compare import Alike
from curate.copies.edits import File
from curate.copies.overlap import Extent, Overlap
from curate.records import Facts, Picture

SIZES = (10_000, 30_000, 100_000)
FULL = 1_000_000
DIMENSIONS = 512
SCENE = 200  # pictures of one scene
COPIES, LOOKALIKES = 0.02, 0.04  # shares of the pictures
FLOOR, HALF = 0.84, 0.85  # cosines: of the farthest edit, and at which two pictures count half, as CLIP has them
CHANGED_BITS = 8  # of a copy's hash, at most
STAGES = ("search", "hashes", "groups", "N_eff", "scenes")
ASKED = 300  # pictures that are compared with all others for the recall
BLOCK = 20_000  # pictures made at once

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A made-up set."""

    vectors: NDArray[np.float32]  # [N, D]
    hashes: NDArray[np.uint64]  # [N, 8]
    planted: NDArray[np.intp]  # [M, 2] rows that are copies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="1,000,000 pictures too")
    parser.add_argument("--sizes", type=int, nargs="+", metavar="N", help="other numbers of pictures")
    parser.add_argument("--one", type=int, metavar="N", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measured(arguments.one)))
        return
    sizes = arguments.sizes or [*SIZES, *([FULL] if arguments.full else [])]
    heads = "".join(f" {f'{stage} s':>9}" for stage in STAGES)
    print(f"{'N':>9}{heads} {'total s':>9} {'core-s':>8} {'exponent':>9} {'peak MiB':>9} {'recall':>7} {'copies':>7} "
          f"{'N_eff':>10}")  # fmt: skip
    first: dict[str, float] | None = None
    for size in sizes:
        command = [sys.executable, __file__, "--one", str(size)]  # a process of its own: its memory is its own
        row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        first = first or row
        print(line(row, first), flush=True)


def line(row: dict[str, float], first: dict[str, float]) -> str:
    """One line of the table; the exponent is that of the processors' time since the first."""
    total, grown = sum(row[stage] for stage in STAGES), "-"
    if row["n"] != first["n"]:
        grown = f"{log(row['processors'] / first['processors']) / log(row['n'] / first['n']):.2f}"
    stages = "".join(f" {row[stage]:>9.1f}" for stage in STAGES)
    return (
        f"{row['n']:>9,.0f}{stages} {total:>9.1f} {row['processors']:>8.1f} {grown:>9} {row['peak']:>9,.0f} "
        f"{row['recall']:>7.4f} {row['copies']:>7.4f} {row['value']:>10,.0f}"
    )


def measured(n: int) -> dict[str, float]:
    """The seconds of each stage and what came of it."""
    made = make(n)
    took: dict[str, float] = {}
    processors = time.process_time()
    near = timed(took, "search", lambda: propose.nearest(made.vectors, floor=min(FLOOR, HALF)))
    hashed = timed(took, "hashes", lambda: [(i, j) for i, j, *_ in features.near_pairs(made.hashes)])
    keepers = timed(took, "groups", lambda: grouped(made, near, hashed))
    with features.one_core_a_thread():  # as the library counts
        found = timed(took, "N_eff", lambda: diversity.measure(made.vectors, keepers, 1 - HALF, np.arange(n)))
    timed(took, "scenes", lambda: diversity.scenes.clusters(made.vectors, HALF))
    processors = time.process_time() - processors
    peak = _peak_mib()
    together = keepers[made.planted[:, 0]] == keepers[made.planted[:, 1]]
    return {
        "n": n, **took, "processors": processors, "peak": peak, "recall": recall(made.vectors, near),
        "copies": float(together.mean()), "value": found.effective_images,
    }  # fmt: skip


def make(n: int) -> Made:
    """Scenes of one subject, with copies and look-alikes of some pictures; the same for the same n."""
    random = np.random.default_rng(n)
    scenes = random.standard_normal((max(1, n // SCENE), DIMENSIONS), dtype=np.float32)
    vectors = scenes[random.integers(0, len(scenes), n)]
    vectors += random.standard_normal(DIMENSIONS, dtype=np.float32)  # what all pictures of a subject share
    for start in range(0, n, BLOCK):  # a second array of that size would be the peak that is measured
        vectors[start : start + BLOCK] += 0.8 * random.standard_normal(vectors[start : start + BLOCK].shape, np.float32)
    hashes = random.integers(1, 2**63, size=(n, 8), dtype=np.uint64)
    rows = random.permutation(n)
    copied, alike = int(COPIES * n), int(LOOKALIKES * n)
    planted = rows[: 2 * copied].reshape(-1, 2)
    others = rows[2 * copied : 2 * (copied + alike)].reshape(-1, 2)
    for pairs, low, high in ((planted, 0.86, 0.99), (others, 0.86, 0.9)):
        cosines = random.uniform(low, high, len(pairs)).astype(np.float32)
        noise = np.sqrt(1 / cosines**2 - 1) * np.linalg.norm(vectors[pairs[:, 0]], axis=1) / np.sqrt(DIMENSIONS)
        moved = noise[:, None] * random.standard_normal((len(pairs), DIMENSIONS), dtype=np.float32)
        vectors[pairs[:, 1]] = vectors[pairs[:, 0]] + moved
    orientations = random.integers(0, 8, copied)
    flips = random.integers(0, 64, (copied, CHANGED_BITS)).astype(np.uint64)
    hashes[planted[:, 1], 0] = hashes[planted[:, 0], orientations] ^ np.bitwise_or.reduce(np.uint64(1) << flips, axis=1)
    for start in range(0, n, BLOCK):
        vectors[start : start + BLOCK] /= np.linalg.norm(vectors[start : start + BLOCK], axis=1, keepdims=True)
    return Made(vectors=vectors, hashes=hashes, planted=planted)


def grouped(made: Made, near: propose.Neighbours, hashed: Sequence[tuple[int, int]]) -> NDArray[np.intp]:
    """The keeper of each row, by stars over the proposed pairs that are planted."""
    n = len(made.vectors)
    true = {(min(a, b), max(a, b)) for a, b in made.planted.tolist()}
    proof = _proof()
    proposed = propose.pairs(near.similarity, near.rows, FLOOR, np.array(hashed, np.int64).reshape(-1, 2))
    proofs = {pair: proof for pair in map(tuple, proposed.tolist()) if pair in true}
    pictures = [Picture(path=f"{row}.jpg", digest=f"{row:016x}", size_bytes=100_000) for row in range(n)]
    evidence = copies.Evidence(
        rows=range(n),
        pictures=pictures,
        files=[File(facts=_facts(row), checks={}, bytes_per_pixel=0.3) for row in range(n)],
        proofs=proofs,
        prove=lambda a, b: proof if (min(a, b), max(a, b)) in true else None,
        similarity=lambda a, b: float(made.vectors[a] @ made.vectors[b]),
        alike=Alike(np.arange(n), near, HALF),
    )
    keepers = np.arange(n)
    for group in copies.stars(evidence):
        if group.kind != "lookalike":
            keepers[[member.row for member in group.members]] = group.keeper
    return keepers


def recall(vectors: NDArray[np.float32], near: propose.Neighbours) -> float:
    """Share of the neighbours that exact search finds for some rows, not below the floor, that are in `near`."""
    asked = np.linspace(0, len(vectors) - 1, ASKED).astype(np.intp)
    k, floor = near.rows.shape[1], min(FLOOR, HALF)
    cosines = np.concatenate(
        [vectors[asked] @ vectors[start : start + BLOCK].T for start in range(0, len(vectors), BLOCK)], axis=1
    )
    true = found = 0
    for row, close in zip(asked.tolist(), cosines, strict=True):
        close[row] = -1.0
        others = np.flatnonzero(close >= floor)
        others = others[np.argsort(-close[others], kind="stable")[:k]]
        true += len(others)
        found += int(np.isin(others, near.rows[row]).sum())
    return found / max(1, true)


def _facts(row: int) -> Facts:
    return Facts(
        width=1024, height=1024, format="JPEG", mode="RGB", orientation=1, has_alpha=False, frames=1, profile="",
        bits=8, pixel_digest=f"{row:x}",
    )  # fmt: skip


def _proof() -> Proof:
    whole = Extent(width=1, height=1, area=1, edge=0)
    good = Overlap(blocks=100, fine=0.99, coarse=0.99, matching=1, low=0.95, detail=0.95)
    same = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    return Proof(
        same=True, mirrored=False, affine=same, inliers=99, overlap=good, extent_a=whole, extent_b=whole, detail=0.95
    )


def timed(took: dict[str, float], stage: str, work: Callable[[], Result]) -> Result:
    """What the work gives; its seconds by the clock are noted, and told while a large set is in work."""
    start = time.perf_counter()
    result = work()
    took[stage] = time.perf_counter() - start
    print(f"  {stage}: {took[stage]:.1f} s, peak {_peak_mib():,.0f} MiB", file=sys.stderr, flush=True)
    return result


def _peak_mib() -> float:
    """The most memory that this process held; nan where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    main()
