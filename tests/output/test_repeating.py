"""An export repeated from its manifest is the same, digest for digest, or says what stands in its way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from output_sets import draw, measured, state, without

import curate
from curate import output, pipeline
from curate.errors import FolderError
from curate.output import LAYOUTS

SETTINGS = curate.ScanSettings(model="builtin", offline=True, use_cache=False, views="off")


@pytest.fixture
def some(source: Path) -> Path:
    for number in range(3):
        draw(source / f"p{number}.png", size=(96 + 8 * number, 80), seed=number)
    draw(source / "turned.bmp", seed=9)
    draw(source / "10_sks man" / "q.png", size=(128, 64), seed=5)
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no")
    draw(source / "p0-masklabel.png", caption=None)
    return source


def first(source: Path, to: Path, **settings: Any) -> output.Written:
    """An export with a copy left out, as a scan would decide it."""
    values: dict[str, Any] = {"epochs": 3} if settings.get("trainer", "folder") != "folder" else {}
    link = settings.pop("link", "")
    found = measured(source, settings, values)
    evidence = output.Evidence(keeper="p0.png", kind="copy", edit="mirrored", correlation=0.97)
    found = without(found, "p2.png", kept=False, evidence=evidence)
    return output.write(output.draft(found, to), to, link=link)


def again(source: Path | None, manifest: Path, to: Path, **more: Any) -> tuple[output.Written, output.Compared]:
    written, compared = pipeline.export_like(manifest, to, source, scan_settings=SETTINGS, **more)
    assert compared
    return written, compared


@pytest.mark.parametrize("trainer", LAYOUTS)
def test_every_trainers_export_repeats_digest_for_digest(some: Path, tmp_path: Path, trainer: str) -> None:
    if trainer == "diffusers":  # one number of repeats for the whole set
        (some / "10_sks man").rename(some / "plain")
    one = first(some, tmp_path / "out", trainer=trainer, train_path="/x", trigger="nora")
    before = state(some)
    two, compared = again(None, tmp_path / "out", tmp_path / "again")
    assert compared.identical
    assert compared.line() == f"identical: {len(one.files) - 1:,} files, digest for digest"
    assert one.files == two.files
    assert [line.replace(str(tmp_path / "again"), str(tmp_path / "out")) for line in two.lines] == list(one.lines)
    assert state(some) == before
    assert output.verify(tmp_path / "again").sound


def test_files_that_name_the_sets_own_place_are_told_apart(some: Path, tmp_path: Path) -> None:
    first(some, tmp_path / "out", trainer="kohya")
    _, compared = again(None, tmp_path / "out" / output.MANIFEST, tmp_path / "again")
    assert compared.identical
    assert compared.moved == ("dataset.toml", "how-to-start.txt")
    assert "but for the set's path in dataset.toml" in compared.line()


def test_another_name_of_the_folder_and_of_pictures_changes_nothing(some: Path, tmp_path: Path) -> None:
    first(some, tmp_path / "out", trainer="kohya", train_path="/x")
    for suffix in (".png", ".txt"):
        (some / "sub").mkdir(exist_ok=True)
        (some / f"p1{suffix}").rename(some / "sub" / f"other{suffix}")
    moved = some.rename(tmp_path / "elsewhere")
    written, compared = again(moved, tmp_path / "out", tmp_path / "again")
    assert compared.identical
    assert written.draft.export.moved == {"p1.png": "sub/other.png"}
    _, third = again(moved, tmp_path / "again", tmp_path / "third")
    assert third.identical


def test_vanished_and_changed_pictures_captions_and_masks_are_named(some: Path, tmp_path: Path) -> None:
    first(some, tmp_path / "out", trainer="kohya")
    (some / "p0.png").rename(tmp_path / "p0.png")
    draw(some / "p1.png", seed=77)
    (some / "turned.txt").write_text("other words", encoding="utf-8")
    with pytest.raises(FolderError) as told:
        again(some, tmp_path / "out", tmp_path / "again")
    for part in ("p0.png vanished", "p1.png changed", "the caption of turned.bmp changed"):
        assert part in str(told.value)
    assert not (tmp_path / "again").exists()
    (tmp_path / "p0.png").rename(some / "p0.png")


def test_a_mask_that_changed_is_named(some: Path, tmp_path: Path) -> None:
    written = first(some, tmp_path / "out", trainer="kohya")
    if not any(placed.mask and placed.mask.source for _, placed in written.draft.pictures()):
        pytest.fail("the set has no mask to change")
    draw(some / "p0-masklabel.png", seed=50, caption=None)
    with pytest.raises(FolderError, match=r"the mask of p0\.png changed"):
        again(some, tmp_path / "out", tmp_path / "again")


def test_new_pictures_are_named_and_left_out(some: Path, tmp_path: Path) -> None:
    first(some, tmp_path / "out", trainer="kohya", train_path="/x")
    draw(some / "new.png", seed=40)
    (some / "p2.png").unlink()  # it was left out
    written, compared = again(None, tmp_path / "out", tmp_path / "again")
    assert compared.identical
    assert any("new.png" in note for note in written.notes)
    assert any("p2.png" in note for note in written.notes)
    assert not any("broken.jpg" in note for note in written.notes)


def test_a_link_mode_is_repeated_too(some: Path, tmp_path: Path) -> None:
    if first(some, tmp_path / "out", link="hard").notes:
        pytest.skip("this system refuses links")
    again(None, tmp_path / "out", tmp_path / "again")
    assert (tmp_path / "again" / "p1.png").samefile(some / "p1.png")


def test_a_result_that_differs_is_told_file_by_file(some: Path, tmp_path: Path) -> None:
    written = first(some, tmp_path / "out", trainer="kohya", train_path="/x")
    record = output.read_manifest(tmp_path / "out")
    changed = [
        replace(one, digest="0" * 64) if one.path == "1_nora set/p1.png" else one
        for one in written.files
        if one.path != "1_nora set/p0.png"
    ]
    compared = output.compare(record, replace(written, files=tuple(changed)))
    assert not compared.identical
    assert compared.line() == "not identical: 1_nora set/p1.png (differs), 1_nora set/p0.png (missing)"


def test_a_dry_run_of_a_repeat_writes_nothing(some: Path, tmp_path: Path) -> None:
    first(some, tmp_path / "out", trainer="kohya")
    before = state(tmp_path)
    written, compared = pipeline.export_like(tmp_path / "out", tmp_path / "again", scan_settings=SETTINGS, dry_run=True)
    assert compared is None
    assert written.pictures == 4
    assert state(tmp_path) == before


@pytest.mark.parametrize("trainer", ["kohya", "ai-toolkit"])
def test_masks_that_became_no_files_repeat_too(some: Path, tmp_path: Path, trainer: str) -> None:
    draw(some / "reg" / "1_man" / "r.png", seed=7)  # beside it kohya's masks go into their pictures
    found = measured(some, {"trainer": trainer}, {"epochs": 3})
    if trainer != "kohya":
        found = without(found, "p0.png", held_out=True)  # whose mask is not written
    output.write(output.draft(found, tmp_path / "out"), tmp_path / "out")
    _, compared = again(None, tmp_path / "out", tmp_path / "again")
    assert compared.identical
    draw(some / "p0-masklabel.png", seed=50, caption=None)
    with pytest.raises(FolderError, match=r"the mask of p0\.png changed"):
        again(None, tmp_path / "out", tmp_path / "more")
