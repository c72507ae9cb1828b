"""Other tools on the same pictures in the same run, each in an environment of its own.

    python bench/speed.py FOLDER --against fastdup imgcheck imagededup --peers ENVIRONMENTS

ENVIRONMENTS holds a virtual environment for each tool, of its name, that is made by hand since what they need differs:

    python -m venv ENVIRONMENTS/imgcheck
    ENVIRONMENTS/imgcheck/bin/python -m pip install imgcheck==0.2.1

and likewise fastdup==2.54 (wheels for Linux and macOS, not for every Python) and imagededup==0.3.3.post2, which brings
PyTorch. What cannot run is told, and called unmeasured. curate is run in a process of its own likewise, with an empty
cache and without views, before and after the others.

Two figures each, in seconds and in processor time, which depends less on what else the machine does. Of the work alone,
which begins when everything is imported (for curate: when it has scanned one other picture, so that its child processes
are there; the processor time of their start counts all the same) and ends with the last answer. And of the whole
process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 3600  # s that one tool may take
ROOT = Path(__file__).parents[1]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")  # that all of them read

TIMED = """
import json, os, sys, time
{imports}
folder, work = sys.argv[1:]
def processor():
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
{begin}
began, spent = time.perf_counter(), processor()
{work}
took = time.perf_counter() - began
{ends}
print("\\nTOOK " + json.dumps([took, processor() - spent]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """How a tool is run: Python that works on `folder` and may write to `work`."""

    imports: str
    work: str
    does: str  # what is timed


PEERS = {
    "fastdup": Peer(
        imports="import fastdup",
        work="fastdup.create(work_dir=work, input_dir=folder).run(overwrite=True)",
        does="features, nearest neighbours, components",
    ),
    "imgcheck": Peer(
        imports="from imgcheck import compute_hashes, get_image_paths",
        work="compute_hashes(get_image_paths(folder), show_progress=False)",
        does="pHash",
    ),
    "imagededup": Peer(
        imports="from imagededup.methods import PHash",
        work="PHash(verbose=False).find_duplicates(image_dir=folder, recursive=True)",
        does="pHash and duplicates",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What one run cost, in seconds."""

    work: float
    work_processor: float
    whole: float
    whole_processor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A tool's figures, or why there are none."""

    name: str
    took: Took | None
    problem: str = ""


def compared(folder: Path, names: Sequence[str], environments: Path, model: str) -> list[str]:
    """A table of curate with a model, and of the tools of those names, on the pictures of a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    runs = [_curate(folder, paths[0], model)]
    sides = [_peer(folder, name, environments) for name in names]
    runs.append(_curate(folder, paths[0], model))
    own = Took(**{field: sum(getattr(run, field) for run in runs) / len(runs) for field in Took.__slots__})
    head = f"{len(paths):,} pictures{'':<26}"[:36]
    return [
        f"{head}{'work: pictures/s':>18}{'ms of a core':>14}{'whole: pictures/s':>19}{'ms of a core':>14}",
        _row(f"curate --model {model}", own, len(paths)),
        *(_beside(side, own, len(paths)) for side in sides),
    ]


def _beside(side: Side, own: Took, count: int) -> str:
    if side.took is None:
        return f"{side.name:<36}unmeasured: {side.problem}"
    ratios = [getattr(side.took, field) / getattr(own, field) for field in Took.__slots__]
    told = "{:>18.2f}{:>14.2f}{:>19.2f}{:>14.2f}".format(*ratios)
    return f"{_row(f'{side.name}: {PEERS[side.name].does}', side.took, count)}\n{'  times as fast curate is':<36}{told}"


def _row(name: str, took: Took, count: int) -> str:
    each = [1e3 * spent / count for spent in (took.work_processor, took.whole_processor)]
    return f"{name[:35]:<36}{count / took.work:>18.1f}{each[0]:>14.1f}{count / took.whole:>19.1f}{each[1]:>14.1f}"


def _curate(folder: Path, one: Path, model: str) -> Took:
    settings = f"ScanSettings(model={model!r}, offline=True, views='off', cache=Path(work, name))"
    script = TIMED.format(
        imports="import curate, shutil\nfrom pathlib import Path\nfrom curate.settings import ScanSettings",
        begin=f"Path(work, 'one').mkdir()\nshutil.copy({str(one.resolve())!r}, Path(work, 'one'))\nname = 'first'\n"
        f"curate.scan(Path(work, 'one'), {settings})",
        work=f"name = 'second'\ncurate.scan(folder, {settings})",
        ends="from curate.engine.children import end_children\nend_children()",  # only then their time is counted
    )
    side = _run(f"curate {model}", sys.executable, script, folder)
    if side.took is None:
        raise SystemExit(f"curate --model {model} failed: {side.problem}")
    return side.took


def _peer(folder: Path, name: str, environments: Path) -> Side:
    found = [environments / name / place for place in ("bin/python", "Scripts/python.exe")]
    python = next((str(path) for path in found if path.exists()), None)
    if python is None:
        return Side(name=name, took=None, problem=f"there is no environment {environments / name}")
    peer = PEERS[name]
    return _run(name, python, TIMED.format(imports=peer.imports, begin="", work=peer.work, ends=""), folder)


def _run(name: str, python: str, script: str, folder: Path) -> Side:
    """Runs a script in an empty place; how many threads it takes is its own choice."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT) if python == sys.executable else "", "SENTRY_OPT_OUT": "1"}
    with tempfile.TemporaryDirectory() as work:
        command = [python, "-c", script, str(folder.resolve()), work]
        began, before = time.perf_counter(), _children()
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", env=environment, cwd=work, timeout=PATIENCE
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Side(name=name, took=None, problem=str(error))
        whole, processor = time.perf_counter() - began, _children() - before
    told = [line for line in done.stdout.splitlines() if line.startswith("TOOK ")]
    if not told:
        lines = (done.stderr or done.stdout).strip().splitlines()
        return Side(name=name, took=None, problem=lines[-1] if lines else f"it ended with {done.returncode}")
    seconds, spent = json.loads(told[-1].removeprefix("TOOK "))
    took = Took(work=seconds, work_processor=spent, whole=whole, whole_processor=processor or float("nan"))
    return Side(name=name, took=took)


def _children() -> float:
    """Processor time of all processes that ended, in s; 0 on Windows, which does not tell."""
    spent = os.times()
    return spent.children_user + spent.children_system
