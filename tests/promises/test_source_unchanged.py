"""The source is never changed: no byte, name, time, permission, attribute, and no new file, by any command."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from promise_world import COMMANDS, Place, drawn, every_command, light, ran, reviewed

__all__ = ["light"]


@pytest.fixture
def place(tmp_path: Path, light: None) -> Place:
    world = drawn.made(tmp_path / "world", pictures=6)
    (world.set / "empty").mkdir()
    (world.set / "p0.txt").chmod(0o444)
    (world.set / "sub").chmod(0o555)
    if hasattr(os, "symlink") and os.name != "nt":
        (world.set / "link.jpg").symlink_to("p4.jpg")
        (world.set / "loop").symlink_to(".")
    if hasattr(os, "setxattr"):
        with suppress(OSError):  # a file system without any
            os.setxattr(world.set / "p1.png", "user.rating", b"5")
    os.utime(world.set, ns=(10**18, 10**18))
    return Place(world, world.set)


def test_every_command_is_tried_here() -> None:
    assert set(COMMANDS) == every_command()


def run_all(place: Place) -> dict[str, int]:
    """The exit code of each run."""
    codes = {}
    for name, runs in COMMANDS.items():
        for number, arguments in enumerate(runs(place)):
            result = ran(arguments)
            codes[f"{name} {number}"] = result.exit_code
            if result.exit_code and name != "models get":
                print(result.output)  # for whoever reads the failure
    return codes


def test_no_command_changes_anything_in_the_folder(place: Place) -> None:
    before, pool = drawn.state(place.world.set), drawn.state(place.world.pool)
    codes = run_all(place)
    asked = reviewed(place)
    assert drawn.state(place.world.set) == before
    assert drawn.state(place.world.pool) == pool
    assert {name for name, code in codes.items() if code} <= {"models get 0"}  # there is nothing to fetch from
    assert {"picture", "decide", "undo", "export"} <= set(asked)
    assert (place.world.places / "from-page").is_dir()


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="mounting needs root on Linux")
def test_every_command_works_on_a_read_only_mount(place: Place, tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()
    for command in (["mount", "--bind", place.world.set, mount], ["mount", "-o", "remount,bind,ro", mount]):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        if done.returncode:
            subprocess.run(["umount", str(mount)], capture_output=True, check=False)
            pytest.skip(f"no read-only mount can be made here: {done.stderr.strip()}")
    try:
        with pytest.raises(OSError, match="Read-only"):
            (mount / "new").touch()
        before = drawn.state(place.world.set)
        codes = run_all(Place(place.world, mount))
        reviewed(Place(place.world, mount))
        assert {name for name, code in codes.items() if code} <= {"models get 0"}
        assert drawn.state(place.world.set) == before
    finally:
        subprocess.run(["umount", str(mount)], check=True)


INSIDE = {  # what a command is told to write, with a place inside the folder of pictures for it
    "export": lambda at, to: ["export", f"{to}/out", str(at.folder), *at.scan],
    "fill": lambda at, to: ["fill", str(at.world.pool), str(at.folder), "--copy-to", f"{to}/out", *at.scan],
    "report": lambda at, to: ["report", str(at.folder), "--out", f"{to}/report.html", *at.scan],
    "compare": lambda at, to: ["compare", str(at.folder), str(at.world.pool), "--out", f"{to}/c.html", *at.scan],
    "decisions export": lambda at, to: ["decisions", "export", f"{to}/mine.json", str(at.folder), *at.cache],
    "cache": lambda at, to: ["scan", str(at.folder), "--offline", "--views", "off", "--cache", f"{to}/cache"],
    "cache of decisions": lambda at, to: ["decisions", "list", str(at.folder), "--cache", f"{to}/cache"],
    "decisions": lambda at, to: ["scan", str(at.folder), *at.scan, "--decisions", f"{to}/mine"],
    "review": lambda at, to: ["review", str(at.folder), "--no-open", "--export-to", to, "--cache", f"{to}/cache"],
}


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize("below", ["", "/sub"])
def test_a_place_inside_the_folder_is_refused_in_one_line(place: Place, name: str, below: str) -> None:
    (place.world.set / "sub").chmod(0o755)
    before = drawn.state(place.world.set)
    result = ran(INSIDE[name](place, f"{place.folder}{below}"))
    assert drawn.state(place.world.set) == before
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    assert "Traceback" not in result.output
