"""Whether an embedder's own scale, found on the bundled pictures, suits hand-picked sets, bursts and characters.

    python bench/calibration.py FOLDER_OF_SETS [--model builtin] [--device auto] [--offline]

Each sub-folder of FOLDER_OF_SETS is one hand-picked set of different pictures of one subject. A folder with a
labels.jsonl ({"file", "subject", "burst"} a line; burst null or a name) holds labelled characters instead: it gives the
frames of each burst, and each subject with its bursts folded. Prints one table: N_eff/N of the sets, bursts, subjects,
the self-check, u and h, and the oracle, the largest u at which the sets count as 0.95 of their pictures in the median.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import log2
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate import diversity, pictures
from curate.diversity import Scale, find_scale, measure
from curate.features.embed import Embedder, choose
from curate.settings import ScanSettings

Vectors = NDArray[np.float32]
MEDIAN = 0.95  # of a hand-picked set's pictures: what practice counts them as, nearly whole
BATCH = 32  # pictures
SHIPPED = Path(diversity.__file__).with_name("scales.json")


@dataclass(frozen=True)
class Labelled:
    """A folder of characters with labels."""

    vectors: Vectors
    subjects: dict[str, list[int]]
    bursts: dict[str, list[int]]


def embedded(embedder: Embedder, files: Sequence[Path]) -> Vectors:
    rows = []
    for first in range(0, len(files), BATCH):
        batch = [embedder.prepare(pictures.decode(file.read_bytes()).rgb) for file in files[first : first + BATCH]]
        rows.append(embedder.embed(np.stack(batch)))
    return np.concatenate(rows)


def sets_of(embedder: Embedder, folder: Path) -> dict[str, Vectors]:
    sets = {}
    for part in sorted(item for item in folder.iterdir() if item.is_dir() and not (item / "labels.jsonl").exists()):
        files = [part / picture.path for picture in pictures.scan(part).pictures]
        if len(files) > 1:
            sets[part.name] = embedded(embedder, files)
    return sets


def labelled_in(embedder: Embedder, folder: Path) -> list[Labelled]:
    found = []
    for labels in sorted({*folder.glob("labels.jsonl"), *folder.glob("*/labels.jsonl")}):
        lines = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines() if line.strip()]
        subjects: dict[str, list[int]] = defaultdict(list)
        bursts: dict[str, list[int]] = defaultdict(list)
        for row, line in enumerate(lines):
            subjects[line["subject"]].append(row)
            if line.get("burst") is not None:
                bursts[str(line["burst"])].append(row)
        vectors = embedded(embedder, [labels.parent / line["file"] for line in lines])
        found.append(Labelled(vectors=vectors, subjects=subjects, bursts=bursts))
    return found


def effective(vectors: Vectors, u: float) -> float:
    return measure(vectors, np.arange(len(vectors)), u).effective_images


def shares(sets: Iterable[Vectors], u: float) -> list[float]:
    return [effective(vectors, u) / len(vectors) for vectors in sets]


def oracle(sets: Sequence[Vectors]) -> float:
    """The largest u at which the sets' median N_eff/N is MEDIAN; it falls as u grows, so bisect."""
    low, high = 1e-5, 2.0
    for _ in range(40):
        u = (low * high) ** 0.5
        low, high = (u, high) if np.median(shares(sets, u)) > MEDIAN else (low, u)
    return float((low * high) ** 0.5)


def print_sets(sets: dict[str, Vectors], scale: Scale) -> None:
    at_scale = dict(zip(sets, shares(sets.values(), scale.u), strict=True))
    for name, share in at_scale.items():
        print(f"  {name:24} {share * len(sets[name]):6.2f} of {len(sets[name]):3} = {share:.3f}")
    values = list(at_scale.values())
    print(f"hand-picked sets, N_eff/N: min {min(values):.3f}, median {np.median(values):.3f}, max {max(values):.3f}")
    best = oracle(list(sets.values()))
    print(f"oracle: u {best:.5f}, h {1 - best:.5f}; log2(u / oracle) {log2(scale.u / best):+.2f}")


def print_labelled(labelled: Labelled, scale: Scale) -> None:
    for name, rows in labelled.bursts.items():
        print(f"  burst {name:30} {effective(labelled.vectors[rows], scale.u):5.2f} of {len(rows)}")
    first = {row: rows[0] for rows in labelled.bursts.values() for row in rows}
    for name, rows in labelled.subjects.items():
        place = {row: at for at, row in enumerate(rows)}
        keepers = np.array([place[first.get(row, row)] for row in rows])
        found = measure(labelled.vectors[rows], keepers, scale.u)
        text = f"{found.effective_images:.1f} ({found.low:.1f}-{found.high:.1f}) of {found.photographs} photographs"
        print(f"subject {name}: {text}, {found.files} files, evenness {found.evenness:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="builtin", help="as of curate scan")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("--ship", action="store_true", help="write the scale into the package, for embedders in it")
    given = parser.parse_args()
    embedder, why = choose(ScanSettings(model=given.model, device=given.device, offline=given.offline))
    print(why)
    scale = find_scale(
        lambda batch: embedder.embed(np.stack([embedder.prepare(picture) for picture in batch])), embedder.name
    )
    if given.ship:
        known = json.loads(SHIPPED.read_text(encoding="utf-8"))  # those of other runtimes stay
        SHIPPED.write_text(json.dumps({**known, embedder.key: asdict(scale)}, indent=1) + "\n", encoding="utf-8")
    print(f"scale: u {scale.u:.5f}, h {scale.half_similarity:.5f}, calibrated {'yes' if scale.calibrated else 'NO'}")
    print("self-check, AUC:", ", ".join(f"{name} {value:.3f}" for name, value in scale.edit_auc.items()))
    print(f"bundled burst: {scale.burst_effective:.2f} of 4; least cosine of an edit: {scale.edit_floor:.3f}")
    sets = sets_of(embedder, given.folder)
    if sets:
        print_sets(sets, scale)
    for labelled in labelled_in(embedder, given.folder):
        print_labelled(labelled, scale)


if __name__ == "__main__":
    main()
