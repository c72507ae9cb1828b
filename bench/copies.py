"""How well copies are found, on a folder with a truth file.

    python bench/copies.py FOLDER TRUTH.json [--model builtin] [--captions]

TRUTH.json: {"groups": [[name, ...], ...], "edits": {name: edit}, "variants": [[name, name], ...]}. Files of one group
are one photograph; every other pair is not. "edits" (how each copy was made; "original..." for originals) and
"variants" (pairs that must stay apart though they match: one region changed with another caption, deep crops) may be
left out. Prints one table: pair precision, recall and F1, photographs lost, recall per edit, variants kept.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections import defaultdict
from pathlib import Path

import curate
from curate.settings import ScanSettings


def pairs(groups: list[list[str]]) -> set[tuple[str, str]]:
    return {pair for group in groups for pair in itertools.combinations(sorted(group), 2)}


def found_groups(folder: Path, settings: ScanSettings) -> tuple[list[list[str]], float]:
    started = time.perf_counter()
    analysis = curate.scan(folder, settings)
    spent = time.perf_counter() - started
    path = [picture.path for picture in analysis.catalog.pictures]
    groups = [
        [path[group.keeper], *(path[member.row] for member in group.members)]
        for group in analysis.groups
        if group.kind != "lookalike"
    ]
    return groups, spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    truth = json.loads(options.truth.read_text(encoding="utf-8"))
    settings = ScanSettings(model=options.model, offline=True, cache=options.cache, use_cache=options.cache is not None)
    groups, spent = found_groups(options.folder, settings)

    owner = {name: i for i, group in enumerate(truth["groups"]) for name in group}
    found = pairs([[name for name in group if name in owner] for group in groups])
    true = pairs(truth["groups"])
    right = found & true
    precision = len(right) / len(found) if found else 1.0
    recall = len(right) / len(true) if true else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    lost = sum(len({owner[name] for name in group if name in owner}) - 1 for group in groups if set(group) & set(owner))
    print(f"{len(owner)} files, {len(true)} true pairs, scanned in {spent:.1f} s with {options.model}")
    print(f"precision {precision:.4f}  recall {recall:.4f}  F1 {f1:.4f}  photographs lost {lost}")
    for a, b in sorted(found - true):
        print(f"  wrong: {a} {b}")
    per_edit: dict[str, list[bool]] = defaultdict(list)
    for name, edit in truth.get("edits", {}).items():
        if not edit.startswith("original"):
            with_own = any(
                name in group and any(o != name and owner.get(o) == owner[name] for o in group) for group in groups
            )
            per_edit[edit].append(with_own)
    for edit, hits in sorted(per_edit.items()):
        print(f"  {edit:<24}{sum(hits):>4} of {len(hits)}")
    variants = truth.get("variants", [])
    if variants:
        together = pairs(groups)
        kept = sum(tuple(sorted(pair)) not in together for pair in variants)
        print(f"wanted variants kept apart {kept} of {len(variants)}")


if __name__ == "__main__":
    main()
