"""Exports from and to a store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stores import BUCKET, fill, pack

import curate
from curate import output, pipeline
from curate.errors import DestinationError, ExportError, FolderError
from curate.output import remote


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, samples) -> curate.ScanSettings:
    cache = tmp_path_factory.mktemp("stores")
    return curate.ScanSettings(model="builtin", offline=True, views="off", cache=cache)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def listed(system, root: str) -> dict[str, bytes]:
    return {name[len(root) + 1 :]: system.cat_file(name) for name in system.find(root)}


KOHYA = output.Settings(trainer="kohya", name="sks", class_word="man", format="png", train_path="/train/set")


def test_a_set_in_a_bucket_holds_the_files_that_a_folder_would(samples, s3, tmp_path: Path) -> None:
    pipeline.export(samples, tmp_path / "here", KOHYA)
    told: list[tuple[str, int, int]] = []
    written = pipeline.export(samples, f"s3://{BUCKET}/there/", KOHYA, progress=lambda *values: told.append(values))
    here, there = contents(tmp_path / "here"), listed(s3, f"{BUCKET}/there")
    assert there == here
    assert written.destination == f"s3://{BUCKET}/there"
    assert written.config in {f"s3://{BUCKET}/there/{path}" for path in here}
    assert any("written last" in note for note in written.notes)
    assert told[-1][1] == told[-1][2]


def test_the_manifest_is_written_last_and_a_failure_says_that_the_set_is_unfinished(samples, memory, monkeypatch):
    order: list[str] = []
    before = remote._Store.send

    def send(self, file, path):
        order.append(path)
        before(self, file, path)

    monkeypatch.setattr(remote._Store, "send", send)
    pipeline.export(samples, "memory://one")
    assert order[-1] == output.MANIFEST
    assert order.count(output.MANIFEST) == 1

    def fails(self, file, path):
        if path == output.MANIFEST:
            raise ConnectionResetError("connection reset")
        before(self, file, path)

    monkeypatch.setattr(remote._Store, "send", fails)
    with pytest.raises(DestinationError, match=r"writing failed \(connection reset\).*unfinished") as caught:
        pipeline.export(samples, "memory://two")
    assert "\n" not in str(caught.value)
    assert output.MANIFEST not in listed(memory, "/two")
    with pytest.raises(DestinationError, match="unfinished set"):
        pipeline.export(samples, "memory://two")


def test_a_place_in_a_store_that_is_taken_or_overlaps_is_refused(samples, memory, s3, tmp_path: Path) -> None:
    pipeline.export(samples, "memory://one")
    with pytest.raises(DestinationError, match="not empty"):
        pipeline.export(samples, "memory://one")
    with pytest.raises(DestinationError, match="cannot be brought up to date"):
        pipeline.export(samples, "memory://one", update=True)
    for place, source in (("memory://set/out", "memory://set"), ("memory://set", "memory://set/in")):
        with pytest.raises(DestinationError, match="lies in, or holds"):
            output.check_place(place, source)
    output.check_place("memory://setting", "memory://set")
    with pytest.raises(DestinationError, match="no such bucket"):
        output.check_place("s3://absent-bucket/x", tmp_path)
    with pytest.raises(DestinationError, match="only read"):
        output.check_place("https://127.0.0.1/x", tmp_path)
    with pytest.raises((DestinationError, FolderError), match="password") as caught:
        pipeline.export(samples, "s3://KEY:hush@bucket/x")
    assert "hush" not in str(caught.value)


def test_a_dry_run_into_a_store_tells_the_same_and_writes_nothing(samples, memory) -> None:
    found = pipeline.export(samples, "memory://one", dry_run=True)
    assert not memory.find("/one")
    assert found.lines == pipeline.export(samples, "memory://one").lines


@pytest.mark.parametrize("address", ["", "memory://lists/one"])
def test_a_list_holds_the_manifest_alone_and_can_be_carried_out(samples, memory, tmp_path: Path, address: str) -> None:
    whole = pipeline.export(samples, tmp_path / "whole")
    written = pipeline.export(samples, address or tmp_path / "list", listed=True)
    files = listed(memory, "/lists/one") if address else contents(tmp_path / "list")
    assert set(files) == {output.MANIFEST}
    assert written.pictures == whole.pictures
    assert written.lines[-1].startswith("only the list is written")
    manifest = json.loads(files[output.MANIFEST])
    digests = {one["path"]: one["digest"] for one in manifest["pictures"]}
    assert digests == {one.path: one.digest for one, kept in zip(
        samples.catalog.pictures, samples.kept, strict=True) if kept and one.path in digests}  # fmt: skip
    assert len(digests) == whole.pictures
    (tmp_path / "list.json").write_bytes(files[output.MANIFEST])
    made, compared = pipeline.export_like(tmp_path / "list.json", tmp_path / "made")
    assert compared is None
    here = {path: data for path, data in contents(tmp_path / "made").items() if path != output.MANIFEST}
    assert here == {path: data for path, data in contents(tmp_path / "whole").items() if path != output.MANIFEST}
    assert made.pictures == whole.pictures


def test_a_list_is_not_brought_up_to_date(samples, tmp_path: Path) -> None:
    pipeline.export(samples, tmp_path / "list")
    with pytest.raises((DestinationError, ExportError), match="not brought up to date"):
        pipeline.export(samples, tmp_path / "list", listed=True, update=True)


def test_a_set_from_a_store_or_an_archive_is_the_set_from_the_folder(
    settings, sample_folder: Path, memory, tmp_path: Path
) -> None:
    fill(memory, "/set", sample_folder)
    archive = pack(tmp_path / "set.tar", sample_folder)
    sets = []
    for number, source in enumerate((sample_folder, "memory://set", archive)):
        written = pipeline.export(source, tmp_path / str(number), KOHYA, scan_settings=settings)
        files = contents(tmp_path / str(number))
        manifest = json.loads(files.pop(output.MANIFEST))
        assert manifest["source"] == str(source)
        assert {one["caption"]["digest"] is not None for one in manifest["pictures"] if one["caption"]["from"]} == {
            True
        }
        sets.append(files)
        assert written.pictures > 10
    assert sets[0] == sets[1] == sets[2]


def test_an_export_from_a_store_can_be_repeated(settings, sample_folder: Path, memory, tmp_path: Path) -> None:
    fill(memory, "/set", sample_folder)
    pipeline.export("memory://set", tmp_path / "one", scan_settings=settings)
    _, compared = pipeline.export_like(tmp_path / "one", tmp_path / "two", scan_settings=settings)
    assert compared is not None
    assert compared.identical
    kept = json.loads((tmp_path / "one" / output.MANIFEST).read_text("utf-8"))["pictures"][0]["path"]
    memory.pipe_file(f"/set/{kept}", b"\xff\xd8\xff" + b"x" * 100)
    with pytest.raises(FolderError, match="changed"):
        pipeline.export_like(tmp_path / "one", tmp_path / "three", scan_settings=settings)


def test_a_picture_that_changes_in_the_store_before_the_export_is_refused(settings, sample_folder, memory, tmp_path):
    fill(memory, "/set", sample_folder)
    analysis = curate.scan("memory://set", settings)
    kept = next(one for one, kept in zip(analysis.catalog.pictures, analysis.kept, strict=True) if kept)
    memory.pipe_file(f"/set/{kept.path}", b"\xff\xd8\xff" + b"x" * 100)
    with pytest.raises(FolderError, match="changed since the scan"):
        pipeline.export(analysis, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    memory.rm_file(f"/set/{kept.path}")
    with pytest.raises(FolderError, match="vanished while reading"):
        pipeline.export(analysis, tmp_path / "out")


def test_pictures_of_a_store_cannot_be_linked_and_are_copied(settings, sample_folder, memory, tmp_path) -> None:
    fill(memory, "/set", sample_folder)
    written = pipeline.export("memory://set", tmp_path / "out", link="hard", scan_settings=settings)
    assert any("they are no files of this machine" in note for note in written.notes)
    assert output.verify(tmp_path / "out").sound
