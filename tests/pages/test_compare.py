"""`curate compare`: two sets side by side, by the bytes of their pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate import output, pages
from curate.cli import app
from curate.decisions import Decision, Decisions
from curate.errors import ManifestError
from curate.pages.comparison import Side
from curate.records import Analysis
from curate.settings import ScanSettings
from curate.stages.deciding import decide
from curate.stages.measured import measured


def side(*digests: str, worth: float | None = 2.0, left_out: dict[str, str] | None = None, **more: object) -> Side:
    return Side(
        name="a set", kind="scan", pictures={one: (f"{one}.png",) for one in digests}, left_out=left_out or {},
        effective_images=worth, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_pictures_leave_and_come_by_their_bytes_with_what_is_known_of_them() -> None:
    found = pages.compare(side("a", "b"), side("b", "c", left_out={"a": "copy of b.png: mirrored"}), 100)
    assert [(one.path, one.why) for one in found.left] == [("a.png", "copy of b.png: mirrored")]
    assert [(one.path, one.why) for one in found.came] == [("c.png", "")]
    assert found.stayed == 1


def test_exposures_are_samples_by_files_and_by_effective_images() -> None:
    found = pages.compare(side("a", "b", "c", "d", worth=2.5), side("a", worth=None), 1000)
    assert (found.exposures[0].per_file, found.exposures[0].per_effective_image) == (250.0, 400.0)
    assert (found.exposures[1].per_file, found.exposures[1].per_effective_image) == (1000.0, None)


def test_empty_sets_are_compared_too() -> None:
    found = pages.compare(side(worth=0.0), side("a"), 1000)
    assert found.exposures[0].per_effective_image is None
    assert pages.compare_page(found)


def test_sets_that_were_seen_by_different_models_are_not_held_comparable() -> None:
    found = pages.compare(side("a", model="one"), side("a", model="two"), 10)
    assert "different models" in found.notes[0]


def test_a_set_with_itself_shows_no_change(samples: Analysis) -> None:
    one = pages.side_of(samples, "before")
    found = pages.compare(one, one, 1000)
    assert (found.left, found.came) == ((), ())
    assert found.stayed == len(one.pictures)
    text = [line.text for line in pages.compare_page(found)]
    assert not any("LEFT" in line or "CAME" in line for line in text)
    assert max(map(len, text)) <= 80


def test_the_json_of_a_scan_and_the_scan_are_the_same_side(samples: Analysis, tmp_path: Path) -> None:
    file = tmp_path / "scan.json"
    file.write_text(pages.as_json(samples), encoding="utf-8")
    one, other = pages.side_of(samples, "x"), pages.side_from_file(file)
    assert (one.pictures, one.left_out, one.effective_images) == (
        other.pictures,
        other.left_out,
        other.effective_images,
    )


def test_an_exported_set_holds_what_its_scan_keeps(samples: Analysis, tmp_path: Path) -> None:
    draft = output.draft(output.export_of(samples, output.Settings()), tmp_path / "out")
    output.write(draft, tmp_path / "out")
    exported = pages.side_from_file(tmp_path / "out" / "curate-manifest.json")
    scanned = pages.side_of(samples, "x")
    assert exported.pictures == scanned.pictures
    assert exported.effective_images == pytest.approx(samples.diversity.effective_images, abs=1e-3)
    assert exported.left_out.keys() >= scanned.left_out.keys()  # a manifest knows broken files by their bytes, too


def test_before_and_after_a_decision(sample_folder: Path, sample_cache: Path, samples: Analysis) -> None:
    settings = ScanSettings(model="builtin", offline=True, cache=sample_cache, views="off")
    gone = next(picture for row, picture in enumerate(samples.catalog.pictures) if samples.kept[row])
    found = measured(sample_folder, settings)
    after = decide(found, Decisions.of([Decision(kind="leave_out", digest=gone.digest)]))
    compared = pages.compare(pages.side_of(samples, "before"), pages.side_of(after, "after"), 1000)
    assert [(one.path, one.why) for one in compared.left] == [(gone.path, "left out by you")]
    assert compared.came == ()
    one, other = compared.exposures
    assert other.per_effective_image > one.per_effective_image  # type: ignore[operator]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"parts": [], "pictures": 3}', '{"pictures": [{}]}', "[" * 100_000])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=r"Give a folder, a curate-manifest\.json"):
        pages.side_from_file(file)


def test_the_command_takes_a_file_and_a_folder(
    samples: Analysis, sample_folder: Path, sample_cache: Path, tmp_path: Path
) -> None:
    file = tmp_path / "scan.json"
    file.write_text(pages.as_json(samples), encoding="utf-8")
    words = ["compare", str(file), str(sample_folder), "--model", "builtin", "--offline", "--views", "off"]
    done = CliRunner().invoke(app, [*words, "--cache", str(sample_cache), "--json"])
    assert done.exit_code == 0, done.output
    values = json.loads(done.stdout)
    assert (values["left"], values["came"]) == ([], [])
    assert values["a"]["effective_images"] == values["b"]["effective_images"]
    assert values["a"]["exposures"]["per_effective_image"] == pytest.approx(
        1000 / samples.diversity.effective_images, rel=1e-3
    )
