"""The same folder gives the same bytes of JSON, report and export, however and wherever it is read."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from promise_world import drawn

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RUN = """
import hashlib, json, os, random, shutil, sys
from pathlib import Path
sys.path.insert(0, {here!r})
home, workers, order = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
plain = os.scandir

class Listed:
    def __init__(self, found):
        self.found = found
    def __enter__(self):
        return iter(self.found)
    def __exit__(self, *error):
        pass
    def __iter__(self):
        return iter(self.found)

def scandir(*arguments):
    with plain(*arguments) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    random.Random(order).shuffle(found)
    return Listed(found)

os.scandir = scandir
import promise_world as promise
promise.drawn.install()
from curate import output, pages, pipeline
world = promise.drawn.World(home)
settings = world.settings(workers=workers)
analysis = pipeline.scan(world.set, settings)
answers = {{"json": pages.as_json(analysis)}}
out = home / "places"
options = ["--cache", str(world.cache), "--views", "off"]
promise.ran(["report", str(world.set), "--out", str(out / "report.html"), *options])
answers["report"] = (out / "report.html").read_text(encoding="utf-8")
for trainer in ("kohya", "onetrainer"):
    wanted = output.Settings(trainer=trainer, trigger="nora", validation=2)
    pipeline.export(analysis, out / "set", wanted)
    answers[trainer] = promise.drawn.digests(out / "set")
    shutil.rmtree(out / "set")
more = promise.ran(["fill", str(world.pool), str(world.set), "--json", *options])
answers["fill"] = more.stdout
print(json.dumps(answers))
"""
WAYS: list[dict[str, Any]] = [
    {"workers": 1, "order": 1, "PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    {"workers": 2, "order": 2, "PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu"},
    {"workers": 4, "order": 3, "PYTHONHASHSEED": "2", "LC_ALL": "tr_TR.UTF-8", "TZ": "America/St_Johns"},
    {"workers": 2, "order": 4, "PYTHONHASHSEED": "3", "LC_ALL": "de_DE.UTF-8", "TZ": "Pacific/Apia", "warm": True},
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each way gives; all but the last begin without a cache."""
    world = drawn.made(tmp_path_factory.mktemp("same") / "world", pictures=8)
    for name in ("\u0130stanbul.png", "istanbul.png", "\u00fc.jpg", "z.jpg"):
        shutil.copy(
            world.set / f"p1{Path(name).suffix}" if name.endswith("png") else world.set / "p4.jpg", world.set / name
        )
        (world.set / name).with_suffix(".txt").write_text(f"caption of {name}", encoding="utf-8")
    found = []
    for way in WAYS:
        if not way.get("warm"):
            world.without_cache()
        known = {name: value for name, value in way.items() if name.isupper() or "_" in name}
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                RUN.format(here=str(HERE)),
                str(world.root),
                str(way["workers"]),
                str(way["order"]),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **known},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    return found


@pytest.mark.parametrize("what", ["json", "report", "kohya", "onetrainer", "fill"])
def test_the_same_folder_gives_the_same_bytes(answers: list[dict[str, Any]], what: str) -> None:
    first = answers[0][what]
    assert first
    for way, other in zip(WAYS[1:], answers[1:], strict=True):
        assert other[what] == first, way


def test_no_answer_holds_the_day_or_a_temporary_name(answers: list[dict[str, Any]]) -> None:
    today = datetime.datetime.now(datetime.timezone.utc).date()
    days = [today, today - datetime.timedelta(days=1), today + datetime.timedelta(days=1)]
    text = json.dumps([answers[0]["json"], answers[0]["report"], answers[0]["fill"]])
    for day in days:
        for shape in ("%Y-%m-%d", "%d.%m.%Y", "%d %B %Y", "%B %d, %Y", "%m/%d/%Y"):
            assert day.strftime(shape) not in text
    assert ".partial" not in text
