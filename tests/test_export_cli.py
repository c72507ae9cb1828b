"""`curate export --update`, `--like`, `--remove-leftovers`, `--json` and `curate verify`, as a user runs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import curate
from curate import output
from curate.errors import DestinationError
from curate.output import partial
from curate.output.partial import MARKER


@pytest.fixture
def run(samples: Any, sample_cache: Path) -> Any:
    def call(*arguments: object, scan: bool = True) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"PYTHONWARNINGS": "error", "XDG_CACHE_HOME": str(sample_cache), "NO_COLOR": "1"}
        more = ("--model", "builtin", "--offline", "--cache", str(sample_cache)) if scan else ()
        return subprocess.run(
            [sys.executable, "-m", "curate", *map(str, arguments), *more],
            capture_output=True, text=True, encoding="utf-8", errors="replace", env=env, timeout=300, check=False,
        )  # fmt: skip

    return call


@pytest.fixture
def folder(sample_folder: Path, tmp_path: Path) -> Path:
    found = tmp_path / "set"
    found.mkdir()
    for name in ("nora_01", "nora_03", "nora_05", "nora_07"):
        shutil.copy2(sample_folder / f"{name}.jpg", found)
        if (sample_folder / f"{name}.txt").exists():
            shutil.copy2(sample_folder / f"{name}.txt", found)
    return found


def leftover(place: Path) -> Path:
    """What a killed export to `place` leaves."""
    found = place.parent / f".curate-{place.name}-0123abcd.partial"
    (found / "set").mkdir(parents=True)
    (found / MARKER).write_text(json.dumps({"written_by": "curate", "export_to": place.name}), encoding="utf-8")
    (found / "set" / "half.jpg").write_bytes(b"half")
    return found


def test_a_set_is_exported_verified_updated_and_repeated(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    left = leftover(out)
    done = run("export", out, folder, "--trainer", "kohya", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["pictures"] == 4
    assert told["steps"] > 0
    assert told["command"].startswith("accelerate launch")
    assert str(left) in done.stderr
    assert "--remove-leftovers" in done.stderr
    assert left.exists()

    sound = run("verify", out, scan=False)
    assert (sound.returncode, sound.stderr) == (0, "")
    assert "files are as curate" in sound.stdout

    refused = run("export", out, folder, "--trainer", "kohya")
    assert refused.returncode == 1
    assert "Give --update" in refused.stderr

    (folder / "nora_03.jpg").unlink()
    updated = run("export", out, folder, "--trainer", "kohya", "--update", "--remove-leftovers")
    assert updated.returncode == 0, updated.stderr
    assert "1 file of yours" not in updated.stdout
    assert "removed:" in updated.stdout
    assert not left.exists()

    again = run("export", tmp_path / "again", "--like", out, scan=False)
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[-2].startswith("identical, ")

    next(out.rglob("*.jpg")).write_bytes(b"other")
    broken = run("verify", out, "--json", scan=False)
    assert broken.returncode == 1
    assert len(json.loads(broken.stdout)["changed"]) == 1


def test_what_like_cannot_repeat_is_one_line(run: Any, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("export", out, folder).returncode == 0
    (folder / "nora_05.jpg").unlink()
    done = run("export", tmp_path / "again", "--like", out, scan=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "nora_05.jpg vanished" in done.stderr
    other = run("export", tmp_path / "again", "--like", out, "--trainer", "kohya", scan=False)
    assert other.returncode == 2
    assert "--trainer cannot be given" in " ".join(other.stderr.split())


def test_a_manifest_that_is_none_is_one_line(run: Any, folder: Path) -> None:
    for arguments in (("verify", folder), ("export", folder.parent / "x", "--like", folder)):
        done = run(*arguments, scan=False)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "curate-manifest.json" in done.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_a_place_that_keeps_no_files_is_told_as_such_and_before_the_scan(run: Any, folder: Path) -> None:
    done = run("export", "/proc/x", folder)
    assert done.returncode == 1
    assert "/proc" in done.stderr
    assert "needed" not in done.stderr


def test_only_what_is_proven_ours_is_a_leftover(tmp_path: Path) -> None:
    place = tmp_path / "out"
    ours = leftover(place)
    for name, content in (("1", None), ("2", b"not json"), ("3", b'{"written_by": "x", "export_to": "out"}')):
        other = tmp_path / f".curate-out-0000000{name}.partial"
        (other / "set").mkdir(parents=True)
        if content is not None:
            (other / MARKER).write_bytes(content)
    strange = tmp_path / ".curate-out-00000004.partial"
    shutil.copytree(ours, strange)
    (strange / "holiday.jpg").write_bytes(b"mine")
    empty = tmp_path / ".curate-out-00000005.partial"
    empty.mkdir()
    assert output.leftovers(place) == (empty, ours)
    for path in (ours, empty):
        output.remove_leftover(path)
    assert sorted(path.name[-9] for path in tmp_path.iterdir()) == ["1", "2", "3", "4"]


def test_a_folder_that_a_running_export_holds_is_no_leftover(tmp_path: Path) -> None:
    place = tmp_path / "out"
    with partial.build(place) as work:
        assert output.leftovers(place) == ()
        with pytest.raises(DestinationError, match="an export is writing it"):
            output.remove_leftover(work.folder)
    assert not list(tmp_path.iterdir())


def test_export_scan_export_gives_the_same_set(samples: Any, sample_cache: Path, tmp_path: Path) -> None:
    settings = curate.ScanSettings(model="builtin", offline=True, cache=sample_cache)
    one = curate.export(samples, tmp_path / "one" / "nora", output.Settings(trainer="folder"))
    found = curate.scan(one.destination, settings)
    assert all(found.kept)
    assert not found.catalog.broken
    two = curate.export(found, tmp_path / "two" / "nora", output.Settings(trainer="folder"))
    assert {file.path: file.digest for file in one.files if file.path != output.MANIFEST} == {
        file.path: file.digest for file in two.files if file.path != output.MANIFEST
    }
