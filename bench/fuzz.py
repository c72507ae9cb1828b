"""Wrong input for everything that reads: decoders, captions, configurations, manifest, decisions, cache, requests.

    python bench/fuzz.py [--inputs 5000] [--log FILE] [--only TARGET]
    python bench/fuzz.py --corpus

Inputs are sound ones, changed: bits flipped, numbers set to extremes, parts cut, repeated and spliced; those that reach
lines of the package that none reached before are changed further. A finding is whatever is no error that the package
declares for bad input: another exception, a crash, a hang, memory beyond a bound, an answer without the cookie. Inputs
run in a process of their own, which is replaced when it dies. With `--log` the totals of several sittings add up and
no input is made twice; what was found lies beside that file. Prints one table.

`--corpus` scans a folder of 300 hostile files and tells the time and where each file went.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench"), str(ROOT / "tests" / "hostile")]

from fuzzing.targets import TARGETS  # noqa: E402

BLOCK = 200  # inputs between two lines of the log: what a sitting that is stopped loses at most
PATIENCE = 20.0  # s that one input may take on a busy machine
BEGIN = 120.0  # s for a process to start and to read what earlier sittings kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=5000, help="inputs of this sitting, over all targets")
    parser.add_argument("--log", type=Path, help="file that counts over sittings")
    parser.add_argument("--only", choices=TARGETS, action="append", help="this target alone; may be given again")
    parser.add_argument("--corpus", action="store_true", help="scan the hostile folder instead")
    chosen = parser.parse_args()
    if chosen.corpus:
        corpus_table()
        return
    with tempfile.TemporaryDirectory(prefix="curate-fuzz-log-") as scratch:
        file = chosen.log or Path(scratch) / "fuzz.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{file}.lock", timeout=0):  # a second sitting at once would make the same inputs
            log = Log(file)
            with contextlib.suppress(KeyboardInterrupt):
                sitting(log, chosen.inputs, chosen.only or list(TARGETS))
            table(log)


@dataclass
class Log:
    """What was done in all sittings: a line for each block."""

    file: Path
    inputs: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    findings: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))

    def __post_init__(self) -> None:
        if self.file.exists():
            for line in self.file.read_text(encoding="utf-8").splitlines():
                self._count(json.loads(line))

    @property
    def corpus(self) -> Path:
        return self.file.with_suffix(".corpus")

    def add(self, block: dict[str, Any]) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(block) + "\n")
        self._count(block)

    def _count(self, block: dict[str, Any]) -> None:
        target = block["target"]
        self.inputs[target] += block["inputs"]
        self.seconds[target] += block["seconds"]
        for one in block["findings"]:
            kind = f"{one['what'].split(':')[0]} at {one['where']}"
            if kind not in self.findings[target]:
                self.findings[target][kind] = one
                found = self.file.with_suffix(".found")
                found.mkdir(exist_ok=True)
                (found / f"{target.replace(' ', '-')}-{one['number']}").write_bytes(bytes.fromhex(one["data"]))


class Child:
    """A process that inputs are put in, started when it is needed."""

    def __init__(self, corpus: Path) -> None:
        self._corpus = corpus
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def run(self, target: str, first: int, inputs: int) -> Iterator[dict[str, Any]]:
        """What is found in these inputs; a process that crashes or hangs is itself a finding."""
        number, end = first, first + inputs
        while number < end:
            self._ask({"target": target, "first": number, "inputs": end - number})
            patience = BEGIN
            while (line := self._next(patience)) != "done":
                if line.isdigit():
                    number, patience = int(line), PATIENCE
                elif line.startswith("{"):
                    yield json.loads(line)
                else:
                    what = "hang" if line == "late" else f"crash: exit {self.end()}"
                    self.end()
                    yield {"number": number, "what": what, "where": "", "data": ""}
                    break
            number += 1

    def end(self) -> int | None:
        """The exit code of the process, which is over then."""
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        process.kill()
        return process.wait()

    def _ask(self, job: dict[str, Any]) -> None:
        if self._process is None or self._process.poll() is not None:
            command = [sys.executable, str(ROOT / "bench" / "fuzzing" / "child.py"), str(self._corpus)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            self._lines = queue.Queue()
            threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True).start()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()

    def _next(self, patience: float) -> str:
        try:
            return self._lines.get(timeout=patience)
        except queue.Empty:
            return "late"


def _read(stream: Any, lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line.strip())
    lines.put("dead")


def sitting(log: Log, inputs: int, targets: list[str]) -> None:
    """Goes round the targets, a block of each at a time by its share, from where the log ends."""
    whole = sum(TARGETS[name].share for name in targets)
    left = {name: round(inputs * TARGETS[name].share / whole) for name in targets}
    for name in targets:  # one process a target, so that what one left behind is nothing to the next
        child = Child(log.corpus)
        try:
            while left[name] > 0:
                size = min(BLOCK, left[name])
                begin = time.monotonic()
                found = list(child.run(name, log.inputs[name], size))
                block = {"target": name, "first": log.inputs[name], "inputs": size, "findings": found}
                log.add({**block, "seconds": round(time.monotonic() - begin, 2)})
                left[name] -= size
        finally:
            child.end()


def table(log: Log) -> None:
    print(f"{'target':<20}{'inputs':>8}{'findings':>10}{'seconds':>9}")
    for name in TARGETS:
        print(f"{name:<20}{log.inputs[name]:>8,}{len(log.findings[name]):>10}{log.seconds[name]:>9.0f}")
    findings = sum(len(found) for found in log.findings.values())
    print(f"{'all':<20}{log.inputs.total():>8,}{findings:>10}{sum(log.seconds.values()):>9.0f}")
    for name, found in log.findings.items():
        for kind, one in found.items():
            print(f"  {name}: {kind} (input {one['number']}): {one['what'][:160]}")


def corpus_table() -> None:
    """The scan of the hostile folder."""
    import corpus

    with tempfile.TemporaryDirectory(prefix="curate-corpus-", ignore_cleanup_errors=True) as scratch:
        account = corpus.scanned(Path(scratch))
    print(f"{'':<24}{'files':>7}")
    for name, count in account.places.items():
        print(f"{name:<24}{count:>7,}")
    print(f"{'all':<24}{account.files:>7,}   scanned in {account.seconds:.1f} s, {len(account.lost)} lost")


if __name__ == "__main__":
    main()
