"""The planted defects of sample_images, which tests/truth/defects.json lists, and the rest of a scan's promises."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import curate
from curate.pages.as_json import as_json, as_object

TRUTH = json.loads((Path(__file__).parent / "truth" / "defects.json").read_text(encoding="utf-8"))


def planted(defect: str) -> set[str]:
    return {entry["file"] for entry in TRUTH["defects"] if entry["defect"] == defect}


def findings(analysis: curate.Analysis, check: str) -> set[str]:
    return {
        picture.path
        for picture, checks in zip(analysis.catalog.pictures, analysis.checks, strict=True)
        if checks[check].finding
    }


def copies_of(analysis: curate.Analysis) -> set[frozenset[str]]:
    path = [picture.path for picture in analysis.catalog.pictures]
    return {
        frozenset((path[group.keeper], *(path[member.row] for member in group.members)))
        for group in analysis.groups
        if group.kind != "lookalike"
    }


def test_every_planted_group_is_found_exactly(samples: curate.Analysis) -> None:
    assert copies_of(samples) == {frozenset(group) for group in TRUTH["duplicate_groups"]}


def test_the_better_file_is_kept(samples: curate.Analysis) -> None:
    originals = {entry["of"] for entry in TRUTH["defects"] if "of" in entry}
    keepers = {samples.catalog.pictures[group.keeper].path for group in samples.groups if group.kind != "lookalike"}
    assert keepers == originals


def test_each_edit_is_named(samples: curate.Analysis) -> None:
    edits = {
        samples.catalog.pictures[member.row].path: member.edit for group in samples.groups for member in group.members
    }
    assert edits["IMG_2041.jpg"] == "the same bytes"
    assert edits["nora_profile_pic.jpg"] == "resized to 60 %"
    assert "much stronger JPEG compression" in edits["download_7.jpg"]
    assert edits["nora_selfie.jpg"].startswith("mirrored")
    for frame in ("nora_16.jpg", "nora_17.jpg", "nora_18.jpg"):
        assert edits[frame].startswith("frame of the same burst")


def test_the_planted_faults_are_named_and_no_others(samples: curate.Analysis) -> None:
    assert findings(samples, "blur") == planted("blurred")
    assert planted("too_small") <= findings(samples, "size") <= planted("too_small") | planted("resized_duplicate")
    assert {file.path for file in samples.catalog.broken} == planted("truncated_file")
    assert findings(samples, "compression") == planted("jpeg_compressed_duplicate")
    uncaptioned = planted("missing_caption") - planted("truncated_file")
    assert findings(samples, "caption") == uncaptioned


def test_weights_are_those_of_the_photographs(samples: curate.Analysis) -> None:
    diversity = samples.diversity
    assert diversity.files == len(samples.catalog.pictures) == 24
    assert diversity.photographs == sum(samples.kept) == 17
    assert diversity.weights.sum() == pytest.approx(diversity.effective_images, rel=1e-6)
    assert (diversity.weights[[not kept for kept in samples.kept]] == 0).all()
    assert 1 <= diversity.low <= diversity.effective_images <= diversity.high <= diversity.photographs


def test_a_second_scan_gives_the_same_bytes_from_the_cache(
    samples: curate.Analysis, sample_folder: Path, sample_cache: Path
) -> None:
    settings = curate.ScanSettings(model="builtin", offline=True, cache=sample_cache, views="off")
    assert as_json(curate.scan(sample_folder, settings)) == as_json(samples)


def test_files_may_be_renamed_and_shuffled(samples: curate.Analysis, tmp_path: Path, sample_cache: Path) -> None:
    folder = Path(samples.catalog.folder)
    names = {picture.path: f"{digit:02}.jpg" for digit, picture in enumerate(reversed(samples.catalog.pictures))}
    for old, new in names.items():
        shutil.copy(folder / old, tmp_path / new)
    renamed = curate.scan(tmp_path, curate.ScanSettings(model="builtin", offline=True, cache=sample_cache))
    assert renamed.diversity.effective_images == pytest.approx(samples.diversity.effective_images, abs=0.2)
    assert copies_of(renamed) == {frozenset(names[path] for path in group) for group in copies_of(samples)}


def test_the_folder_is_not_touched(sample_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(sample_folder, folder)

    def state() -> dict[str, tuple[int, int]]:
        return {path.name: ((s := path.stat()).st_mtime_ns, s.st_size) for path in folder.iterdir()}

    before = state(), folder.stat().st_mtime_ns
    curate.scan(folder, curate.ScanSettings(model="builtin", offline=True, cache=tmp_path / "cache"))
    assert (state(), folder.stat().st_mtime_ns) == before


class Histogram:
    """An embedder through the protocol: what a colour histogram sees."""

    key = name = "colour histogram"
    device = "cpu"
    side = 64

    def prepare(self, rgb: np.ndarray) -> np.ndarray:
        rows = np.linspace(0, len(rgb) - 1, self.side).astype(int)
        columns = np.linspace(0, rgb.shape[1] - 1, self.side).astype(int)
        return np.ascontiguousarray(rgb[rows][:, columns])

    def embed(self, batch: np.ndarray) -> np.ndarray:
        bins = (batch // 32).reshape(len(batch), -1, 3).astype(int) @ np.array([64, 8, 1])
        counts = np.stack([np.bincount(row, minlength=512) for row in bins]).astype(np.float32)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def test_an_embedder_that_cannot_tell_views_from_copies_is_refused_the_word_calibrated(sample_folder: Path) -> None:
    analysis = curate.scan(sample_folder, curate.ScanSettings(use_cache=False), model=Histogram())
    assert not analysis.model.calibrated
    page = "\n".join(line.text for line in curate.pages.scan_page(analysis))
    assert "Not calibrated" in page


def test_the_json_has_the_keys_of_schema_1(samples: curate.Analysis) -> None:
    found = json.loads(as_json(samples))
    assert as_json(samples).isascii()
    assert found["schema"] == 1
    assert {"schema", "folder", "model", "pictures", "broken", "ignored", "groups", "diversity"} <= set(found)
    assert set(found["model"]) == {"name", "device", "half_similarity", "calibrated"}
    picture = found["pictures"][0]
    assert {"path", "digest", "width", "height", "caption", "kept", "weight", "checks", "views"} <= set(picture)
    assert all(set(check) == {"value", "unit", "finding"} for check in picture["checks"].values())
    group = found["groups"][0]
    assert set(group) == {"kind", "keeper", "reason", "members"}
    assert {"path", "kind", "edit", "correlation"} <= set(group["members"][0])
    wanted = {"effective_images", "low", "high", "files", "photographs", "evenness"}
    assert wanted <= set(found["diversity"])


def test_names_with_control_characters_reach_no_terminal(samples: curate.Analysis) -> None:
    bad = replace(samples.catalog.pictures[0], path="a\x1b[31mred\n\u202egpj.exe")
    catalog = replace(samples.catalog, pictures=(bad, *samples.catalog.pictures[1:]))
    analysis = replace(samples, catalog=catalog)
    for line in curate.pages.scan_page(analysis, everything=True):
        assert line.text.isprintable()
        assert len(line.text) <= 80
    assert as_object(analysis)["pictures"][0]["path"] == bad.path
    assert as_json(analysis).isascii()


def test_a_plan_and_an_export_follow_from_the_analysis(samples: curate.Analysis, tmp_path: Path) -> None:
    plan = curate.recommend(samples, target_steps=1000)
    assert abs(plan.schedule.steps - 1000) <= 20
    from curate.output import Settings

    written = curate.export(samples, tmp_path / "clean", Settings(trainer="kohya", trigger="nora"))
    again = curate.scan(tmp_path / "clean", curate.ScanSettings(model="builtin", offline=True, use_cache=False))
    assert written.pictures == len(again.catalog.pictures) == 17
    assert not again.catalog.broken
    assert copies_of(again) == set()
    assert findings(again, "caption") == set()


def test_look_alikes_can_be_left_out_with_their_keeper_named(samples: curate.Analysis, tmp_path: Path) -> None:
    from curate.pipeline import without_lookalikes
    from curate.records import Group, Member

    row = {picture.path: at for at, picture in enumerate(samples.catalog.pictures)}
    member = Member(row=row["nora_02.jpg"], kind="lookalike", edit="another photograph, much alike")
    alike = Group(kind="lookalike", keeper=row["nora_01.jpg"], reason="alike", members=(member,))
    fewer = without_lookalikes(replace(samples, groups=(*samples.groups, alike)))
    written = curate.export(fewer, tmp_path / "clean", dry_run=True)
    assert written.pictures == 16
    left = next(left for left in written.draft.left_out if left.path == "nora_02.jpg")
    assert left.evidence is not None
    assert left.evidence.keeper == "nora_01.jpg"
