"""The process that inputs are put in: it may crash or hang, and another takes its place.

Takes a line of JSON for each job on its input: {"target", "first", "inputs"}; tells each input's number before it is
put in, and what was found of it after.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from fuzzing.edges import Edges  # noqa: E402
from fuzzing.mutations import mutated, mutated_text  # noqa: E402
from fuzzing.targets import TARGETS, Kind, Target  # noqa: E402

KEPT = 300  # inputs of a target that took new steps and are changed further
GROWN_MB = 700  # MiB that the process may grow by within one input: 4 megapixels in float64 colours are 96


class Fuzzed:
    """One target with the inputs that are worth changing, which last from sitting to sitting in a folder."""

    def __init__(self, name: str, kind: Kind, corpus: Path, scratch: Path) -> None:
        self._name, self._kind = name, kind
        self._folder = corpus / name.replace(" ", "-").replace("'", "")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._target: Target = kind.make(scratch)
        self._inputs = self._target.seeds()
        self._inputs += [file.read_bytes() for file in sorted(self._folder.iterdir())]
        self._edges = Edges()
        for data in self._inputs if kind.traced else ():
            self._watched(data)

    def put(self, number: int) -> dict[str, Any] | None:
        """Makes the input of that number and puts it in; what is wrong with what came of it, or None."""
        random = Random(f"{self._name} {number}")
        data, other = random.choice(self._inputs), random.choice(self._inputs)
        data = (mutated_text if self._kind.text else mutated)(data, other, random)
        before = _peak_mb()
        problem = self._watched(data)
        if problem is None and _peak_mb() - before > GROWN_MB:
            problem = {"what": f"memory grew by {_peak_mb() - before:.0f} MiB", "where": ""}
        if problem is None and self._kind.traced and self._edges.found_new and len(self._inputs) < KEPT:
            self._inputs.append(data)
            (self._folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
        return None if problem is None else {**problem, "data": data.hex()}

    def _watched(self, data: bytes) -> dict[str, str] | None:
        try:
            if self._kind.traced:
                with self._edges.watched():
                    self._target.run(data)
            else:
                self._target.run(data)
        except Exception as error:  # whatever comes out is what is looked for
            return {"what": f"{type(error).__name__}: {str(error)[:300]}", "where": _where(error)}
        return None


def _where(error: BaseException) -> str:
    """The last line of curate's own that was reached; of others where there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT / "curate")] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}"


def _peak_mb() -> float:
    """MiB that this process ever held; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(size) / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    corpus = Path(sys.argv[1])
    said = sys.stdout
    sys.stdout = sys.stderr  # nothing else may come between the lines
    warnings.simplefilter("ignore")
    made: dict[str, Fuzzed] = {}
    with tempfile.TemporaryDirectory(prefix="curate-fuzz-", ignore_cleanup_errors=True) as scratch:
        for line in sys.stdin:
            job = json.loads(line)
            name = job["target"]
            if name not in made:
                own = Path(scratch) / str(len(made))
                own.mkdir()
                made[name] = Fuzzed(name, TARGETS[name], corpus, own)
            for number in range(job["first"], job["first"] + job["inputs"]):
                print(number, file=said, flush=True)
                if found := made[name].put(number):
                    print(json.dumps({"number": number, **found}), file=said, flush=True)
            print("done", file=said, flush=True)


if __name__ == "__main__":
    main()
