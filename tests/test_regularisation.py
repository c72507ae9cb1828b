"""Regularisation pictures from a folder elsewhere: exported with the set, compared with it, never written to."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

import curate
from curate import output
from curate.errors import DestinationError

SAMPLES = Path(__file__).parents[1] / "sample_images"
NAMES = ("nora_05.jpg", "nora_08.jpg", "nora_11.jpg", "nora_13.jpg")


def state(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.iterdir())
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, curate.Analysis]:
    """A set of four photographs; beside it, elsewhere, one of these again, one smaller, and one of its own."""
    root = tmp_path_factory.mktemp("regularisation")
    own, beside = root / "set", root / "people"
    own.mkdir()
    beside.mkdir()
    for name in NAMES:
        shutil.copy(SAMPLES / name, own / name)
    shutil.copy(SAMPLES / "nora_05.jpg", beside / "again.jpg")
    with Image.open(SAMPLES / "nora_08.jpg") as image:
        image.resize((image.width * 3 // 4, image.height * 3 // 4)).save(beside / "smaller.jpg", quality=90)
    shutil.copy(SAMPLES / "nora_14.jpg", beside / "other.jpg")
    settings = curate.ScanSettings(
        model="builtin", offline=True, use_cache=False, views="off", regularisation=(str(beside),), cache=root / "cache"
    )
    return own, beside, curate.scan(own, settings)


def test_copies_across_are_proved_and_named_and_nothing_is_folded(
    folders: tuple[Path, Path, curate.Analysis],
) -> None:
    _, _, analysis = folders
    shared = {one.regularisation: one for one in analysis.shared}
    assert set(shared) == {"reg/again.jpg", "reg/smaller.jpg"}
    assert shared["reg/again.jpg"].path == "nora_05.jpg"
    assert shared["reg/again.jpg"].edit == "the same bytes"
    assert shared["reg/smaller.jpg"].path == "nora_08.jpg"
    assert "resized to 75 %" in shared["reg/smaller.jpg"].edit
    assert all(analysis.kept)
    assert not [group for group in analysis.groups if group.kind != "lookalike"]


@pytest.mark.parametrize("trainer", ["kohya", "onetrainer", "diffusers"])
def test_the_export_holds_them_and_tells_of_the_copies(
    folders: tuple[Path, Path, curate.Analysis], tmp_path: Path, trainer: str
) -> None:
    own, beside, analysis = folders
    before = state(own), state(beside)
    written = curate.export(analysis, tmp_path / "out", output.Settings(trainer=trainer, class_word="woman"))
    told = json.loads((tmp_path / "out" / output.MANIFEST).read_text(encoding="ascii"))
    came = {one["path"]: one["to"] for one in told["pictures"]}
    assert set(came) == {*NAMES, "reg/again.jpg", "reg/other.jpg", "reg/smaller.jpg"}
    assert (tmp_path / "out" / came["reg/other.jpg"]).read_bytes() == (beside / "other.jpg").read_bytes()
    assert any("2 regularisation pictures show a photograph of the subject" in line for line in written.lines)
    assert any("reg/again.jpg: the same bytes, of nora_05.jpg" in line for line in written.lines)
    assert (state(own), state(beside)) == before


def test_nothing_is_written_into_the_folder_elsewhere(folders: tuple[Path, Path, curate.Analysis]) -> None:
    _, beside, analysis = folders
    with pytest.raises(DestinationError, match="never written to"):
        curate.export(analysis, beside / "out", output.Settings(trainer="folder"))
    assert not (beside / "out").exists()


def test_an_export_with_them_can_be_repeated(folders: tuple[Path, Path, curate.Analysis], tmp_path: Path) -> None:
    from curate import pipeline

    _, _, analysis = folders
    curate.export(analysis, tmp_path / "one", output.Settings(trainer="folder", name="x"))
    _, compared = pipeline.export_like(
        tmp_path / "one", tmp_path / "two", scan_settings=curate.ScanSettings(cache=tmp_path / "cache")
    )
    assert compared is not None
    assert not compared.different
    assert not compared.missing
