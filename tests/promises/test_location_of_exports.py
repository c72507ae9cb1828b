"""An export does not tell where its pictures were taken, unless it is asked to, and says what became of it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import curate
from curate import output, pictures, pipeline
from curate.cli import app
from curate.records import Analysis

GPS = 0x8825  # EXIF 2.32, 4.6.3
PLACE = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}


def placed_exif(place: bool = True) -> bytes:
    found = Image.Exif()
    found[0x010F] = "Camera"
    if place:
        found[GPS] = PLACE
    return found.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures that tell a place and are copied, one that is written anew, and two that tell none."""
    made = tmp_path / "set"
    made.mkdir()
    rng = np.random.default_rng(7)
    for name, place in (("phone.jpg", True), ("phone.png", True), ("scan.tif", True), ("a.jpg", False), ("b.webp", 0)):
        rough = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)).resize(
            (128, 96), Image.Resampling.BICUBIC
        )
        rough.save(made / name, exif=placed_exif(bool(place)))
        (made / name).with_suffix(".txt").write_text(f"a picture of {name}", encoding="utf-8")
    return made


@pytest.fixture
def analysis(folder: Path, tmp_path: Path) -> Analysis:
    return curate.scan(folder, curate.ScanSettings(model="none", views="off", cache=tmp_path / "cache"))


def tells(path: Path) -> bool:
    return pictures.decode(path.read_bytes()).facts.has_location


def entries(written: output.Written) -> dict[str, dict[str, object]]:
    manifest = json.loads(Path(written.destination, output.MANIFEST).read_text(encoding="utf-8"))
    return {one["path"]: one for one in manifest["pictures"]}


def test_no_exported_picture_tells_its_place_and_all_show_the_same(
    analysis: Analysis, folder: Path, tmp_path: Path
) -> None:
    written = pipeline.export(analysis, tmp_path / "out")
    for path, one in entries(written).items():
        exported = tmp_path / "out" / str(one["to"])
        assert not tells(exported)
        assert np.array_equal(
            pictures.decode(exported.read_bytes()).rgb, pictures.decode((folder / path).read_bytes()).rgb
        )
        assert one["location"] == ("taken out" if path.startswith(("phone", "scan")) else None)
    assert "location: taken out of 3 pictures" in written.lines
    assert output.as_json(written)["location"] == {"taken_out": 3, "kept": 0}
    assert (tmp_path / "out" / "a.jpg").read_bytes() == (folder / "a.jpg").read_bytes()
    assert output.verify(tmp_path / "out").sound
    assert tells(folder / "phone.jpg")


def test_a_place_stays_where_it_is_asked_to(analysis: Analysis, folder: Path, tmp_path: Path) -> None:
    written = pipeline.export(analysis, tmp_path / "out", output.Settings(keep_location=True))
    assert (tmp_path / "out" / "phone.jpg").read_bytes() == (folder / "phone.jpg").read_bytes()
    told = {path: one["location"] for path, one in entries(written).items() if one["location"]}
    assert told == {"phone.jpg": "kept", "phone.png": "kept", "scan.tif": "taken out"}  # that is written anew
    assert "location: 2 pictures still tell where they were taken, by --keep-location" in written.lines


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("link", ["hard", "sym"])
def test_a_picture_that_tells_its_place_is_not_linked(
    analysis: Analysis, folder: Path, tmp_path: Path, link: output.records.Link
) -> None:
    written = pipeline.export(analysis, tmp_path / "out", link=link)
    assert (tmp_path / "out" / "a.jpg").samefile(folder / "a.jpg")
    assert not (tmp_path / "out" / "phone.jpg").samefile(folder / "phone.jpg")
    assert not tells(tmp_path / "out" / "phone.jpg")
    assert written.notes == ("Copied, not linked, to take out where they were taken (--keep-location): 2.",)


def test_an_update_leaves_what_was_stripped_alone_and_a_repeat_is_the_same(
    analysis: Analysis, folder: Path, tmp_path: Path
) -> None:
    first = pipeline.export(analysis, tmp_path / "out")
    before = (tmp_path / "out" / "phone.jpg").stat().st_ino
    again = pipeline.export(analysis, tmp_path / "out", update=True)
    assert again.changes is not None
    assert (again.changes.added, again.changes.removed, again.changes.changed) == ((), (), ())
    assert (tmp_path / "out" / "phone.jpg").stat().st_ino == before
    settings = curate.ScanSettings(model="none", views="off", cache=tmp_path / "cache")
    repeated, compared = pipeline.export_like(tmp_path / "out", tmp_path / "again", scan_settings=settings)
    assert compared is not None
    assert compared.identical
    assert {one.digest for one in first.files if one.path != output.MANIFEST} == {
        one.digest for one in repeated.files if one.path != output.MANIFEST
    }


def test_a_picture_that_changed_since_the_scan_is_not_stripped_and_passed_on(
    analysis: Analysis, folder: Path, tmp_path: Path
) -> None:
    data = (folder / "phone.jpg").read_bytes()
    (folder / "phone.jpg").write_bytes(data + b"\0")
    with pytest.raises(curate.CurateError, match=r"phone.jpg changed since the scan"):
        pipeline.export(analysis, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert hashlib.sha256((folder / "phone.jpg").read_bytes()).digest() == hashlib.sha256(data + b"\0").digest()


def test_the_command_says_what_became_of_the_place(folder: Path, tmp_path: Path) -> None:
    options = ["--model", "none", "--views", "off", "--cache", str(tmp_path / "cache")]
    run = CliRunner().invoke(app, ["export", str(tmp_path / "out"), str(folder), *options])
    assert run.exit_code == 0, run.output
    assert "location: taken out of 3 pictures" in run.output
    kept = CliRunner().invoke(app, ["export", str(tmp_path / "kept"), str(folder), "--keep-location", *options])
    assert "2 pictures still tell" in kept.output
    assert tells(tmp_path / "kept" / "phone.jpg")
