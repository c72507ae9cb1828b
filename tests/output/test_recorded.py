"""A manifest can be read back whole, tells when it was tampered with, and verifies what lies in its folder."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from output_sets import Exporter, draw, state, without

from curate import output
from curate.errors import ManifestError
from curate.output.plain import as_json, plain, restored
from curate.output.recorded import sealed
from curate.output.records import Values


@pytest.fixture
def out(export: Exporter, source: Path) -> Path:
    draw(source / "a.png")
    draw(source / "b\u202e.png", seed=1)
    draw(source / "copy.png", seed=2)
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no")
    evidence = output.Evidence(keeper="a.png", kind="copy", edit="mirrored", correlation=0.97)
    return Path(
        export(
            trainer="kohya",
            values={"epochs": 3, "options": {"enable_bucket": True}, "resolution": (512, 768)},
            change=lambda found: without(found, "copy.png", kept=False, evidence=evidence),
        ).destination
    )


def test_a_manifest_gives_back_what_the_export_was_made_from(export: Exporter, source: Path, tmp_path: Path) -> None:
    draw(source / "a.png")
    draw(source / "small.png", size=(40, 40))
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no")
    made: list[output.Export] = []

    def watch(found: output.Export) -> output.Export:
        made.append(replace(found, items=tuple(replace(one, weight=0.1 + 0.2) for one in found.items)))
        return made[0]

    export(trainer="kohya", values={"repeats": 2.0, "epochs": 3, "options": {"enable_bucket": True}}, change=watch)
    record = output.read_manifest(tmp_path / "out")
    ordered = replace(made[0], items=tuple(sorted(made[0].items, key=lambda item: item.picture.path)))
    assert record.export == ordered
    assert record.name == "nora set"
    assert record.files.keys() == state(tmp_path / "out").keys() - {output.MANIFEST}


@settings(deadline=None)  # the first example reads the records' type hints
@given(
    st.builds(
        Values,
        base=st.text(),
        resolution=st.one_of(st.integers(64, 4096), st.floats(0.1, 16), st.tuples(st.just(512), st.integers(64, 999))),
        epochs=st.none() | st.integers(1, 99),
        repeats=st.none() | st.floats(0.1, 99),
        subset_repeats=st.dictionaries(st.text(), st.floats(0.1, 9)),
        options=st.dictionaries(st.text(), st.booleans() | st.integers() | st.text() | st.tuples(st.integers())),
        why=st.lists(st.text()).map(tuple),
    )
)
def test_values_survive_json(values: Values) -> None:
    found = restored(Values, json.loads(json.dumps(plain(values))))
    assert found == values
    assert as_json(values) == json.dumps(plain(values))
    assert [type(one) for one in (found.resolution, found.repeats)] == [type(values.resolution), type(values.repeats)]


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"base": 1},
        {"epochs": "3"},
        {"no such field": 1},
        {"resolution": [1, 2, 3]},
        {"subset_repeats": ["a"]},
        {"rank": True},
    ],
)
def test_values_of_another_kind_are_refused_by_name(value: object) -> None:
    with pytest.raises(ValueError, match="Values"):
        restored(Values, value)


def rewritten(out: Path, **changes: object) -> None:
    """The manifest with other values, under a seal that fits."""
    values = json.loads((out / output.MANIFEST).read_text(encoding="ascii")) | changes
    del values["seal"]
    (out / output.MANIFEST).write_bytes(sealed(json.dumps(values)[:-1] + ",\n").encode("ascii"))


def test_a_manifest_that_cannot_be_relied_on_is_one_line(out: Path, tmp_path: Path) -> None:
    manifest = out / output.MANIFEST
    good = manifest.read_bytes()
    for content, why in (
        (b"", "not JSON"),
        (good[: len(good) // 2], "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not a manifest of curate"),
        (b'{"schema": 1}', "not a manifest of curate"),
        (good.replace(b"mirrored", b"cropped!"), "changed after curate wrote it"),
        (good.replace(b'"seal"', b'"peal"'), "changed after curate wrote it"),
        (good.replace(b'"schema": 1', b'"schema": 2'), "newer form .schema 2"),
    ):
        manifest.write_bytes(content)
        for read in (output.verify, output.read_manifest):
            with pytest.raises(ManifestError, match=why) as told:
                read(out)
            assert "\n" not in str(told.value)
    manifest.unlink()
    with pytest.raises(ManifestError, match="no set of curate's"):
        output.verify(out)
    with pytest.raises(ManifestError, match="no such file or folder"):
        output.verify(tmp_path / "nowhere")


@pytest.mark.parametrize("path", ["../a.txt", "/etc/passwd", "a/../../b", "C:/x", "a\\b", ""])
def test_a_manifest_that_names_a_path_outside_its_folder_is_refused(out: Path, path: str) -> None:
    rewritten(out, name="nora set")
    assert output.verify(out).sound
    rewritten(out, files=[{"path": path, "digest": "0", "size_bytes": 1}])
    with pytest.raises(ManifestError, match="outside the set"):
        output.verify(out)


def test_a_manifest_with_fields_of_another_kind_is_refused(out: Path) -> None:
    for changes in ({"items": [{"picture": 1}]}, {"files": 3}, {"made_from": {}}, {"pictures": [1]}):
        before = (out / output.MANIFEST).read_bytes()
        rewritten(out, **changes)
        with pytest.raises(ManifestError, match="not written by this curate"):
            output.read_manifest(out)
        (out / output.MANIFEST).write_bytes(before)


def test_a_set_as_it_was_written_is_sound(out: Path) -> None:
    before = state(out)
    found = output.verify(out)
    assert found.sound
    assert found.files == len(before) - 1
    assert output.verify_lines(found) == (f"{out}: all {found.files} files are as {found.written_by} wrote them",)
    assert state(out) == before


def test_missing_changed_and_added_files_are_each_named(out: Path) -> None:
    part = out / "1_nora set"
    (part / "a.png").unlink()
    (part / "b.txt").write_text("other", encoding="utf-8")
    (part / "a.npz").write_bytes(b"a cache")
    (out / "dataset.toml").unlink()
    (out / "dataset.toml").mkdir()
    found = output.verify(out)
    assert found.missing == ("1_nora set/a.png",)
    assert set(found.changed) == {"1_nora set/b.txt", "dataset.toml"}
    assert found.added == ("1_nora set/a.npz",)
    assert not found.sound
    told = output.verify_lines(found)
    assert "missing: 1_nora set/a.png" in told
    assert told[-1].endswith("1 missing, 2 changed, 1 added, of 6 files")
    assert found.as_json()["changed"] == list(found.changed)


@pytest.mark.skipif(os.name == "nt", reason="Windows takes the two names for one")
def test_a_file_that_differs_in_case_alone_is_an_added_one(out: Path) -> None:
    if (out / "1_nora set" / "A.PNG").exists():
        pytest.skip("this file system takes the two names for one")
    (out / "1_nora set" / "A.PNG").write_bytes(b"x")
    assert output.verify(out).added == ("1_nora set/A.PNG",)


def test_each_picture_tells_its_part_and_repeats(out: Path) -> None:
    told = json.loads((out / output.MANIFEST).read_text(encoding="ascii"))
    assert {(one["part"], one["repeats"]) for one in told["pictures"]} == {("1_nora set", 1)}
    assert [one["picture"]["path"] for one in told["items"]] == ["a.png", "b\u202e.png", "copy.png"]
    seal = told["seal"]
    raw = (out / output.MANIFEST).read_bytes()
    assert seal == hashlib.sha256(raw[: raw.rindex(b'"seal"')]).hexdigest()
