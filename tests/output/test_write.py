"""The destination is whole or absent, the source stays as it was, and every refusal says why."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from output_sets import Exporter, draw, measured, state

from curate import output
from curate.errors import DestinationError, FolderError
from curate.output import destination, placing
from curate.output.records import PlacePicture, WriteText


@pytest.fixture
def some(source: Path) -> Path:
    for number in range(6):
        draw(source / f"p{number}.png", seed=number)
    draw(source / "turned.BMP", seed=9)
    return source


def partials(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".partial")]


def whole(root: Path) -> bool:
    """Whether every file that the manifest names is there as it was written, and no other."""
    told = json.loads((root / output.MANIFEST).read_text(encoding="ascii"))
    listed = {one["path"]: one["digest"] for one in told["files"]}
    found = {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and path.name != output.MANIFEST
    }
    return listed == found


@pytest.mark.parametrize("link", ["", "hard", "sym"])
def test_the_source_keeps_names_bytes_and_times(some: Path, tmp_path: Path, link: Any) -> None:
    for path in some.iterdir():
        os.utime(path, ns=(1_600_000_000_123_456_789, 1_500_000_000_987_654_321))
    before = state(some)
    output.write(output.draft(measured(some, {"trainer": "kohya"}, {}), tmp_path / "out"), tmp_path / "out", link=link)
    assert state(some) == before


def test_copies_keep_their_bytes_and_their_time(export: Exporter, some: Path) -> None:
    os.utime(some / "p0.png", ns=(1_600_000_000_000_000_000, 1_500_000_000_000_000_000))
    written = export(trainer="kohya")
    copy = Path(written.destination) / "1_nora set" / "p0.png"
    assert copy.read_bytes() == (some / "p0.png").read_bytes()
    assert copy.stat().st_mtime_ns == 1_500_000_000_000_000_000
    assert whole(Path(written.destination))


@pytest.mark.parametrize("link", ["hard", "sym"])
def test_links_stand_for_what_needs_no_change(some: Path, tmp_path: Path, link: Any) -> None:
    written = output.write(
        output.draft(measured(some, {"trainer": "kohya"}, {}), tmp_path / "out"), tmp_path / "out", link=link
    )
    folder = Path(written.destination) / "1_nora set"
    if written.notes:
        pytest.skip(f"this system refuses links: {written.notes[0]}")
    assert (folder / "p0.png").samefile(some / "p0.png")
    assert (folder / "p0.png").is_symlink() == (link == "sym")
    assert not (folder / "turned.png").samefile(some / "turned.BMP")
    assert whole(Path(written.destination))


@pytest.mark.parametrize("link", ["", "hard", "sym"])
def test_another_picture_of_the_same_size_and_time_is_noticed(some: Path, tmp_path: Path, link: Any) -> None:
    draft = output.draft(measured(some, {"trainer": "kohya"}, {}), tmp_path / "out")
    before, file = (some / "p2.png").stat(), some / "p2.png"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(FolderError, match=r"p2\.png changed since the scan"):
        output.write(draft, tmp_path / "out", link=link)
    assert not (tmp_path / "out").exists()


def test_where_links_are_refused_pictures_are_copied_and_it_is_said(
    some: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(placing.os, "link", refuse)
    draft = output.draft(measured(some, {"trainer": "kohya"}, {}), tmp_path / "out")
    written = output.write(draft, tmp_path / "out", link="hard")
    assert written.notes == ("6 of 6 pictures were copied, not linked: Invalid cross-device link.",)
    assert whole(tmp_path / "out")


def test_a_dry_run_tells_the_same_and_writes_nothing(some: Path, tmp_path: Path) -> None:
    place = tmp_path / "deep" / "out"
    draft = output.draft(measured(some, {"trainer": "kohya"}, {"epochs": 3}), place)
    before = state(tmp_path)
    dry = output.write(draft, place, dry_run=True)
    assert state(tmp_path) == before
    assert not place.parent.exists()
    real = output.write(draft, place)
    assert dry.lines == real.lines
    assert (dry.pictures, dry.left_out, dry.config) == (real.pictures, real.left_out, real.config)
    assert not dry.files
    assert real.files


def test_a_set_is_written_where_its_configuration_says(some: Path, tmp_path: Path) -> None:
    draft = output.draft(measured(some, {"trainer": "kohya"}, {}), tmp_path / "one")
    with pytest.raises(ValueError, match="drafted for"):
        output.write(draft, tmp_path / "two")
    elsewhere = output.draft(measured(some, {"trainer": "kohya", "train_path": "/workspace"}, {}), tmp_path / "one")
    assert output.write(elsewhere, tmp_path / "two").pictures == 7


def test_progress_ends_at_all(some: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    draft = output.draft(measured(some, {"trainer": "kohya"}, {}), tmp_path / "out")
    output.write(draft, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == 16
    assert seen == sorted(seen)


def test_an_empty_destination_is_used(export: Exporter, some: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert whole(Path(export(trainer="kohya").destination))
    assert not partials(tmp_path)


def test_a_destination_that_holds_something_is_refused(export: Exporter, some: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".hidden").write_text("mine", encoding="utf-8")
    with pytest.raises(DestinationError, match=r"not empty, it holds '\.hidden'"):
        export(trainer="kohya")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(DestinationError, match="a file, not a folder"):
        export("file", trainer="kohya")
    with pytest.raises(DestinationError, match="is a file"):
        export("file/below", trainer="kohya")
    assert (tmp_path / "out" / ".hidden").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("nora set", "scanned folder itself"),
        ("nora set/out", "lies inside"),
        ("nora set/a/b", "lies inside"),
        (".", "holds"),
    ],
)
def test_a_destination_in_or_around_the_source_is_refused(export: Exporter, some: Path, place: str, why: str) -> None:
    before = state(some)
    with pytest.raises(DestinationError, match=why):
        export(place, trainer="kohya")
    assert state(some) == before


def test_a_link_into_the_source_is_seen_through(export: Exporter, some: Path, tmp_path: Path) -> None:
    try:
        (tmp_path / "link").symlink_to(some, target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no symbolic links")
    with pytest.raises(DestinationError, match="lies inside"):
        export("link/out", trainer="kohya")


def test_a_source_that_was_scanned_through_a_link_is_protected_too(some: Path, tmp_path: Path) -> None:
    try:
        (tmp_path / "link").symlink_to(some, target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no symbolic links")
    found = measured(tmp_path / "link", {"trainer": "kohya"}, {})
    for place in (some / "out", tmp_path / "link" / "out", some):
        with pytest.raises(DestinationError, match="scanned folder"):
            output.write(output.draft(found, place), place)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions bind no administrator")
def test_an_unwritable_place_is_refused(export: Exporter, some: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(DestinationError, match="cannot be written to"):
        export("locked/out", trainer="kohya")


def test_too_little_space_is_told_before_anything_is_written(some: Path, tmp_path: Path) -> None:
    found = measured(some, {"trainer": "kohya"}, {})
    huge = tuple(
        replace(item, picture=replace(item.picture, size_bytes=1 << 60)) if item.picture.path == "p0.png" else item
        for item in found.items
    )
    draft = output.draft(replace(found, items=huge), tmp_path / "out")
    for dry in (True, False):
        with pytest.raises(DestinationError, match="are needed and"):
            output.write(draft, tmp_path / "out", dry_run=dry)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not hasattr(os, "pathconf"), reason="Windows tells by the length of the whole path")
@pytest.mark.parametrize("place", ["n" * 300, "n" * 300 + "/out"])
def test_a_name_that_no_file_system_holds_is_told_and_no_error_of_its_own(
    export: Exporter, some: Path, tmp_path: Path, place: str
) -> None:
    with pytest.raises(DestinationError, match="longer than"):
        export(place, trainer="kohya")
    with pytest.raises(DestinationError, match="longer than"):
        output.check_place(tmp_path / place, some, update=True)
    with pytest.raises(DestinationError, match="longer than"):
        output.leftovers(tmp_path / place)
    assert list(tmp_path.iterdir()) == [some]


def test_a_disk_that_fills_up_leaves_nothing(
    export: Exporter, some: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    written = [0]

    def small_disk(file: int, data: bytes) -> int:
        written[0] += 1
        if written[0] > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data)

    monkeypatch.setattr(placing.os, "write", small_disk)
    with pytest.raises(DestinationError, match="the disk is full"):
        export("new/place/out", trainer="kohya")
    assert not (tmp_path / "new").exists()


def test_a_source_that_vanished_or_changed_is_told_and_leaves_nothing(some: Path, tmp_path: Path) -> None:
    found = measured(some, {"trainer": "kohya"}, {})
    draft = output.draft(found, tmp_path / "out")
    (some / "p3.png").rename(some / "gone")
    with pytest.raises(FolderError, match=r"p3\.png vanished"):
        output.write(draft, tmp_path / "out")
    draw(some / "p3.png", seed=77)
    for link in ("", "hard"):
        if link and (some / "p3.png").stat().st_size == (some / "gone").stat().st_size:
            continue
        with pytest.raises(FolderError, match=r"p3\.png changed since the scan"):
            output.write(draft, tmp_path / "out", link=link)  # type: ignore[arg-type]
    (some / "gone").replace(some / "p3.png")
    draw(some / "turned.BMP", seed=78)
    with pytest.raises(FolderError, match=r"turned\.BMP changed since the scan"):
        output.write(draft, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not partials(tmp_path)


def test_an_interruption_leaves_nothing(some: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    draft = output.draft(measured(some, {"trainer": "kohya"}, {}), tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        output.write(draft, tmp_path / "out", progress=interrupt)
    assert not (tmp_path / "out").exists()
    assert not partials(tmp_path)


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from output_sets import measured
from curate import output
from curate.pictures import encode, decode_for_export
draft = output.draft(measured(Path(sys.argv[2]), {"trainer": "kohya", "format": "webp"}, {}), Path(sys.argv[3]))
print("ready", flush=True)
sys.stdin.readline()
output.write(draft, Path(sys.argv[3]))
print("done", flush=True)
sys.stdin.readline()
"""


ATTEMPTS = 40  # on a busy machine the first, timed export may take many times what the others do


def test_a_kill_at_any_moment_leaves_the_destination_whole_or_absent(source: Path, tmp_path: Path) -> None:
    for number in range(60):
        draw(source / f"p{number}.png", size=(300, 200), seed=number)
    before = state(source)
    random = Random(5)
    place = tmp_path / "sets" / "out"
    place.parent.mkdir()
    took = 1.0
    outcomes = set()
    for attempt in range(ATTEMPTS):
        if attempt > 6 and {(True, False), (False, True)} <= outcomes:
            break
        arguments = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(source), str(place)]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            start = time.monotonic()
            process.stdin.write("\n")
            process.stdin.flush()
            if attempt == 0:  # tells how long a whole export takes here
                assert process.stdout.readline() == "done\n"
                took = time.monotonic() - start
            else:
                time.sleep(random.random() * took)
            process.kill()
        left = partials(place.parent)
        assert len(left) <= 1
        assert [place.parent / name for name in left] == list(output.leftovers(place))
        outcomes.add((place.exists(), bool(left)))
        if place.exists():
            assert whole(place)
            place.rename(tmp_path / f"kept{attempt}")
        for path in output.leftovers(place):
            output.remove_leftover(path)
        assert not list(place.parent.iterdir())
    assert (True, False) in outcomes
    assert (False, True) in outcomes
    assert state(source) == before


def test_only_a_partial_export_is_ever_removed(tmp_path: Path) -> None:
    (tmp_path / "mine.partial").mkdir()
    with pytest.raises(DestinationError, match="no partial export"):
        output.remove_leftover(tmp_path / "mine.partial")
    assert (tmp_path / "mine.partial").is_dir()


def test_windows_limits_are_told_as_such(tmp_path: Path) -> None:
    text = WriteText(to="a/" + "b" * 200 + ".txt", text="x")
    with pytest.raises(DestinationError, match="Windows takes 259"):
        destination.check(tmp_path / ("c" * 60), tmp_path / "source", [text], False, windows=True)
    destination.check(tmp_path / ("c" * 60), tmp_path / "source", [text], False, windows=False)
    for name in ("aux", "nul.set", "set.", "what?"):
        with pytest.raises(DestinationError, match="Windows refuses the name"):
            destination.check(tmp_path / name, tmp_path / "source", [], False, windows=True)
    destination.check(tmp_path / "auxiliary", tmp_path / "source", [], False, windows=True)


def test_two_files_for_one_place_are_a_fault_that_is_not_hidden() -> None:
    one = PlacePicture(source="a.png", digest="0", size_bytes=1, to="A.png")
    with pytest.raises(ValueError, match="one place"):
        destination.refuse_collisions([one, replace(one, to="a.PNG")])


def test_links_need_no_room_for_pictures() -> None:
    one = PlacePicture(source="a.png", digest="0", size_bytes=10**9, to="a.png")
    assert destination.space([one]) >= 10**9
    assert destination.space([one], link=True) <= destination.BLOCK
    assert destination.space([replace(one, encoding="png", pixels=10**6)], link=True) >= 10**6
