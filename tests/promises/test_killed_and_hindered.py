"""A few of the kills and faults of bench/faults.py, which does hundreds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from promise_world import drawn, light, ran

__all__ = ["light"]

BENCH = Path(__file__).parents[2] / "bench" / "faults.py"
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the bench forks; tests/output/test_kills.py does not")


def bench(*arguments: str) -> str:
    """What the bench prints; a fault is an exit code of 1, and fails the test with the whole table."""
    done = subprocess.run(
        [sys.executable, str(BENCH), *arguments], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("job", ["scan", "export", "review", "fill"])
def test_nothing_is_lost_when_a_job_is_killed(job: str, tmp_path: Path) -> None:
    told = bench("--kills", "4", "--of", job, "--log", str(tmp_path / "log.jsonl"))
    row = next(line for line in told.splitlines() if line.startswith(job)).split()
    assert int(row[2]) >= 4  # really killed
    assert row[-1] == "none"


def test_kills_add_up_over_sittings(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    bench("--kills", "1", "--of", "fill", "--log", str(log))
    with log.open("a", encoding="utf-8") as file:
        file.write('{"kind": "fill", "num')  # the bench itself was killed
    before = log.read_text(encoding="utf-8")
    told = bench("--kills", "2", "--of", "fill", "--log", str(log))
    assert log.read_text(encoding="utf-8").startswith(before)
    assert re.search(r"^all +\d+ +2 ", told, re.MULTILINE)


@pytest.mark.parametrize(
    "word", ["small disk", "at once", "stamps", "cut off", "another version", "permission", "for a decision"]
)
def test_a_fault_ends_in_a_clear_line_or_as_ever(word: str) -> None:
    told = bench("--faults", "--only", word)
    total = next(line for line in told.splitlines() if line.startswith("all")).split()
    assert int(total[1]) > 0 or word in ("small disk", "permission")  # those need root
    assert total[-1] == "none"


def test_a_flipped_bit_of_the_cache_changes_no_answer() -> None:
    told = bench("--faults", "--only", "flipped", "--flips", "12")
    assert next(line for line in told.splitlines() if line.startswith("all")).split()[1:] == ["12", "none"]


def test_what_a_killed_run_left_is_named_by_the_next_fill_and_removed_when_asked(tmp_path: Path, light: None) -> None:
    world = drawn.made(tmp_path / "world", pictures=6)
    left = world.places / ".curate-more-0a1b2c3d.partial"
    (left / "set").mkdir(parents=True)
    (left / "curate-partial.json").write_text('{"written_by": "curate", "export_to": "more"}', encoding="utf-8")
    fill = ["fill", str(world.pool), str(world.set), "--copy-to", str(world.places / "more"), "--resolution", "64"]
    options = ["--views", "off", "--cache", str(world.cache)]
    assert left.name in ran([*fill, *options]).output
    assert left.is_dir()
    shutil.rmtree(world.places / "more")
    assert "removed" in ran([*fill, *options, "--remove-leftovers"]).output
    assert [path.name for path in world.places.iterdir()] == ["more"]
