"""`--model none`: copies by hashes and alignment alone; whatever rests on a model's eyes is told as not measured."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import curate
from curate import diversity
from curate.cli import app
from curate.errors import ModelError
from curate.pages import as_json
from curate.settings import ScanSettings

NOT_MEASURED = "not measured"
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("none") / "cache"


@pytest.fixture(scope="module")
def unembedded(sample_folder: Path, cache: Path) -> curate.Analysis:
    return curate.scan(sample_folder, ScanSettings(model="none", cache=cache))


@pytest.fixture
def run(unembedded: curate.Analysis, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*arguments: object) -> Any:
        return CliRunner().invoke(app, [*map(str, arguments), "--model", "none", "--cache", str(cache)])

    return call


def said(done: Any) -> str:
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


def test_the_copies_of_the_samples_are_found_without_a_model(samples: Any, unembedded: curate.Analysis) -> None:
    def copies(analysis: curate.Analysis) -> set[tuple[int, int]]:
        groups = [group for group in analysis.groups if group.kind != "lookalike"]
        return {(group.keeper, member.row) for group in groups for member in group.members}

    assert copies(unembedded) == copies(samples)
    assert unembedded.kept == samples.kept


def test_what_needs_vectors_is_told_as_not_measured(unembedded: curate.Analysis) -> None:
    held = unembedded.diversity
    assert not held.measured
    assert held.effective_images == held.low == held.high == held.photographs == 17
    assert unembedded.features.embeddings.shape == (24, 0)
    assert not unembedded.features.embedded
    assert unembedded.views == ()
    assert unembedded.coverage is not None
    assert unembedded.coverage.scenes is None
    assert not unembedded.coverage.measured
    assert not any(group.kind == "lookalike" for group in unembedded.groups)
    assert any("--model none" in note for note in unembedded.notes)


def test_neither_torch_nor_another_runtime_is_imported(sample_folder: Path) -> None:
    heavy = ("torch", "open_clip", "timm", "faiss", "ai_edge_litert", "huggingface_hub")
    code = (
        f"import sys, curate\nfrom curate.settings import ScanSettings\n"
        f"curate.scan({str(sample_folder)!r}, ScanSettings(model='none', use_cache=False))\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_scan_prints_no_number_of_effective_images(run: Run, sample_folder: Path) -> None:
    text = said(run("scan", sample_folder))
    assert "24 pictures, 17 different photographs. How many effective images they are worth was not measured" in text
    assert "Seen by no model, as asked for" in text
    assert "mirrored" in text
    assert "calibrated" not in text


def test_json_holds_null_where_nothing_was_measured(run: Run, sample_folder: Path) -> None:
    found = json.loads(run("scan", sample_folder, "--json").stdout)
    assert found["diversity"] == {
        "measured": False, "effective_images": None, "low": None, "high": None, "files": 24, "photographs": 17,
        "evenness": None, "kernel_limited": False, "at_least": False,
    }  # fmt: skip
    assert {picture["weight"] for picture in found["pictures"]} == {None}
    assert {member["similarity"] for group in found["groups"] for member in group["members"]} <= {None, 1.0}
    assert found["model"] == {"name": "none", "device": "cpu", "half_similarity": None, "calibrated": False}
    assert found["coverage"]["scenes"] is None
    assert found["coverage"]["scene_evenness"] is None


def test_recommend_plans_from_the_different_photographs_and_says_so(run: Run, sample_folder: Path) -> None:
    text = said(run("recommend", sample_folder, "--target-steps", "1000"))
    assert "Effective images were not measured: 17 files count as 17 different pictures" in text
    assert "planned as if no two of the 17 pictures were alike" in text
    explained = said(run("recommend", sample_folder, "--target-steps", "1000", "--explain"))
    assert "how much they differ was not measured" in explained
    found = json.loads(run("recommend", sample_folder, "--target-steps", "1000", "--json").stdout)
    assert found["effective_images"] is None
    assert found["range"]["effective_images"] is None
    assert found["subjects"] is None
    assert found["planned_from"] == "photographs"
    assert found["exposures"]["sampled_diversity"] == pytest.approx(17)


def test_the_report_shows_no_number_that_was_not_measured(run: Run, sample_folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    said(run("report", sample_folder, "--out", page))
    text = page.read_text(encoding="utf-8")
    assert "worth was not measured" in text
    assert "Look-alikes were not measured" in text
    assert "Likeness was not measured" in text
    assert "worth about" not in text
    assert "None" not in text.split("<body")[1].split("data:image")[0]


@pytest.mark.parametrize(
    "option", [("--limit", 5), ("--validation", 3), ("--weights", "--trainer", "kohya"), ("--drop-lookalikes",)]
)
def test_an_export_refuses_what_rests_on_a_model(
    run: Run, sample_folder: Path, tmp_path: Path, option: tuple[object, ...]
) -> None:
    done = run("export", tmp_path / "out", sample_folder, *option)
    assert done.exit_code == 1
    assert f"{option[0]} rests on what a model sees, which was not measured" in done.output
    assert not (tmp_path / "out").exists()


def test_an_export_records_no_weight(run: Run, sample_folder: Path, tmp_path: Path) -> None:
    said(run("export", tmp_path / "out", sample_folder, "--trainer", "kohya", "--no-caption", "name"))
    manifest = next((tmp_path / "out").rglob("curate-manifest.json"))
    pictures = json.loads(manifest.read_text(encoding="utf-8"))["pictures"]
    assert len(pictures) == 17
    assert {picture["weight"] for picture in pictures} == {None}
    written = "\n".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").rglob("*.toml"))
    assert "effective images not measured" in written
    compared = said(run("compare", manifest, sample_folder))
    assert f"effective images {NOT_MEASURED} {NOT_MEASURED}" in compared


def test_compare_tells_two_unmeasured_sets_apart_by_their_pictures(
    run: Run, sample_folder: Path, tmp_path: Path
) -> None:
    before = tmp_path / "before.json"
    before.write_text(run("scan", sample_folder, "--json").stdout, encoding="utf-8")
    found = json.loads(run("compare", before, sample_folder, "--json").stdout)
    assert found["a"]["effective_images"] is None
    assert found["b"]["effective_images"] is None
    assert found["a"]["range"] is None
    assert f"each effective image {NOT_MEASURED}" in said(run("compare", before, sample_folder))


def test_fill_refuses_before_it_reads_a_picture(run: Run, sample_folder: Path, tmp_path: Path) -> None:
    done = run("fill", tmp_path, sample_folder)
    assert done.exit_code == 1
    assert "what a picture adds rests on what a model sees" in done.output


def test_gaps_are_not_measured(run: Run, sample_folder: Path) -> None:
    assert "Views not measured" in said(run("gaps", sample_folder))


def test_regularisation_copies_are_found_by_their_hashes(sample_folder: Path, cache: Path, tmp_path: Path) -> None:
    for name in ("nora_01.jpg", "nora_02.jpg"):
        (tmp_path / "set").mkdir(exist_ok=True)
        shutil.copy(sample_folder / name, tmp_path / "set" / name)
    beside = tmp_path / "reg"
    beside.mkdir()
    from PIL import Image

    Image.open(sample_folder / "nora_01.jpg").resize((300, 450)).save(beside / "small.png")
    settings = ScanSettings(model="none", cache=cache, regularisation=(str(beside),))
    found = curate.scan(tmp_path / "set", settings)
    assert [one.path for one in found.shared] == ["nora_01.jpg"]


def test_another_model_measures_afterwards_what_none_left_out(sample_folder: Path, cache: Path, samples: Any) -> None:
    found = curate.scan(sample_folder, ScanSettings(model="builtin", offline=True, cache=cache, views="off"))
    assert found.diversity.measured
    assert np.array_equal(found.diversity.weights, samples.diversity.weights)
    assert found.groups == samples.groups


def test_a_second_scan_measures_only_what_was_broken_and_gives_the_same(
    sample_folder: Path, unembedded: curate.Analysis, cache: Path
) -> None:
    totals: dict[str, int] = {}
    again = curate.scan(
        sample_folder,
        ScanSettings(model="none", cache=cache),
        progress=lambda stage, done, total: totals.update({stage: total}),
    )
    assert totals["measuring"] == len(again.catalog.broken) == 1
    assert "looking closer" not in totals
    assert as_json(again) == as_json(unembedded)


def test_what_another_model_left_in_the_cache_changes_nothing(
    sample_folder: Path, sample_cache: Path, samples: Any, unembedded: curate.Analysis
) -> None:
    assert as_json(curate.scan(sample_folder, ScanSettings(model="none", cache=sample_cache))) == as_json(unembedded)


def test_only_pictures_that_may_be_copies_are_decoded_whole(unembedded: curate.Analysis) -> None:
    grouped = {row for group in unembedded.groups for row in (group.keeper, *(one.row for one in group.members))}
    whole = {row for row, values in enumerate(unembedded.features.checks) if values}
    assert grouped <= whole
    assert len(whole) < len(unembedded.features.checks) - 5
    names = {name for checks in unembedded.checks for name in checks}
    assert "blur" not in names
    assert {"size", "aspect"} <= names  # these need no pixels


def test_the_keeper_of_copies_is_the_one_that_a_whole_look_would_choose(
    samples: Any, unembedded: curate.Analysis
) -> None:
    chosen = [(group.keeper, group.reason) for group in unembedded.groups]
    assert chosen == [(group.keeper, group.reason) for group in samples.groups if group.kind != "lookalike"]


def test_exposures_without_vectors_are_those_of_photographs_as_drawn() -> None:
    none, keepers = np.zeros((4, 0), np.float32), np.array([0, 1, 1, -1])
    assert diversity.sampled_diversity(none, keepers, np.array([1, 1, 0, 9]), 0.0) == pytest.approx(2)
    assert diversity.sampled_diversity(none, keepers, np.array([1, 1, 2, 0]), 0.0) == pytest.approx(16 / (1 + 9))
    held = diversity.measure(none, keepers, 0.0)
    assert (held.files, held.photographs, held.measured) == (3, 2, False)
    assert held.weights.tolist() == [1, 1, 0, 0]
    assert held.evenness == pytest.approx(1 / (1 / 9 + 4 / 9) / 2)


def test_views_are_left_out_too() -> None:
    assert ScanSettings(model="none").views == "off"
    assert ScanSettings(model="builtin").views == "auto"


def test_a_mistyped_none_is_told_what_was_meant(sample_folder: Path) -> None:
    with pytest.raises(ModelError, match=r"meant: none\?.*none"):
        curate.scan(sample_folder, ScanSettings(model="nnone", use_cache=False))
