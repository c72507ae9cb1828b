"""What was decided is honoured: by the scan, the plan, the export, the JSON and the page. On the sample pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from curate import output, pages, pipeline
from curate.decisions import Decision, Decisions, open_journal
from curate.plan import PlanSettings
from curate.records import Analysis, Group, View
from curate.settings import ScanSettings
from curate.stages import inputs
from curate.stages.deciding import Deciding, decide
from curate.stages.measured import Measured, measured

Decide = Callable[..., Analysis]


@pytest.fixture(scope="module")
def found(samples: Analysis, sample_folder: Path, sample_cache: Path) -> Measured:
    return measured(sample_folder, ScanSettings(model="builtin", offline=True, cache=sample_cache))


@pytest.fixture
def decided(found: Measured) -> Decide:
    """The analysis under some decisions, each given as (kind, path, more fields)."""
    digests = {one.path: one.digest for one in found.catalog.pictures}

    def call(*decisions: tuple[str, str] | tuple[str, str, dict[str, object]]) -> Analysis:
        made = []
        for kind, path, *more in decisions:
            fields = dict(more[0]) if more else {}
            if "other" in fields:
                fields["other"] = digests[str(fields["other"])]
            made.append(Decision(kind=kind, digest=digests[path], **fields))  # type: ignore[arg-type]
        return decide(found, Decisions.of(made))

    return call


@pytest.fixture
def alike(found: Measured) -> tuple[Measured, str, str]:
    """The set as if two photographs of it looked much alike, and their names: the keeper's, the other's."""
    one, other = [
        row for row, kept in enumerate(decide(found).kept) if kept and found.catalog.pictures[row].role == "subject"
    ][:2]
    near = replace(found, evidence=replace(found.evidence, alike={one: [other]}), groups=None)
    group = next(group for group in decide(near).groups if group.kind == "lookalike")
    names = [path(decide(near), row) for row in (group.keeper, group.members[0].row)]
    return near, names[0], names[1]


def by(found: Measured, kind: str, name: str) -> Decisions:
    digest = next(one.digest for one in found.catalog.pictures if one.path == name)
    return Decisions.of([Decision(kind=kind, digest=digest)])  # type: ignore[arg-type]


def copies(analysis: Analysis) -> list[Group]:
    return [group for group in analysis.groups if group.kind == "copy"]


def path(analysis: Analysis, row: int) -> str:
    return analysis.catalog.pictures[row].path


def first_copy(analysis: Analysis) -> tuple[str, str]:
    """(keeper, one member) of a group of two."""
    group = next(group for group in copies(analysis) if len(group.members) == 1)
    return path(analysis, group.keeper), path(analysis, group.members[0].row)


def test_without_decisions_a_scan_is_what_was_measured(found: Measured, sample_folder: Path) -> None:
    analysis = pipeline.scan(sample_folder, found.settings)
    assert pages.as_json(decide(found)) == pages.as_json(analysis)
    assert (analysis.decided, analysis.decisions) == ((), 0)


def test_pictures_that_are_not_copies_are_never_folded(found: Measured, decided: Decide) -> None:
    keeper, member = first_copy(decide(found))
    analysis = decided(("not_a_copy", keeper, {"other": member}))
    assert analysis.kept[analysis.row(keeper)]
    assert analysis.kept[analysis.row(member)]
    assert analysis.diversity.photographs == decide(found).diversity.photographs + 1
    assert analysis.decided[analysis.row(member)] == ("not_a_copy",)


def test_the_chosen_keeper_stands_for_its_group(found: Measured, decided: Decide) -> None:
    keeper, member = first_copy(decide(found))
    analysis = decided(("keeper", member))
    group = next(group for group in copies(analysis) if group.keeper == analysis.row(member))
    assert group.reason == "chosen by you"
    assert [path(analysis, one.row) for one in group.members] == [keeper]
    assert not analysis.kept[analysis.row(keeper)]


def test_of_files_with_equal_pixels_the_chosen_one_is_kept(found: Measured, decided: Decide) -> None:
    before = decide(found)
    groups = [group for group in before.groups if any(member.kind == "identical" for member in group.members)]
    for group in groups:
        member = next(member for member in group.members if member.kind == "identical")
        twin = before.catalog.pictures[member.row]
        if twin.digest == before.catalog.pictures[group.keeper].digest:
            decisions = Decisions.of([Decision(kind="keeper", digest=twin.digest, path=twin.path)])
        else:
            decisions = Decisions.of([Decision(kind="keeper", digest=twin.digest)])
        after = decide(found, decisions)
        assert after.kept[member.row]
        assert not after.kept[group.keeper]
    assert groups


def test_what_is_left_out_counts_nowhere_and_takes_its_copies_along(found: Measured, decided: Decide) -> None:
    keeper, member = first_copy(decide(found))
    before, analysis = decide(found), decided(("leave_out", keeper))
    row = analysis.row(keeper)
    assert not analysis.kept[row]
    assert not analysis.kept[analysis.row(member)]
    assert analysis.diversity.weights[row] == 0.0
    assert analysis.diversity.photographs == before.diversity.photographs - 1
    assert analysis.diversity.effective_images < before.diversity.effective_images
    assert pipeline.recommend(analysis).pictures == pipeline.recommend(before).pictures - 1


def test_the_numbers_are_those_of_a_set_without_the_picture(found: Measured, decided: Decide) -> None:
    from curate import diversity

    keeper, _ = first_copy(decide(found))
    analysis = decided(("leave_out", keeper))
    rows = [row for row, kept in enumerate(analysis.kept) if kept and analysis.catalog.pictures[row].role == "subject"]
    alone = diversity.measure(found.features.embeddings[rows], np.arange(len(rows)), found.scale.u)
    assert analysis.diversity.effective_images == pytest.approx(alone.effective_images, rel=1e-6)


def test_a_copy_that_is_kept_stays_and_adds_no_effective_image(found: Measured, decided: Decide) -> None:
    before = decide(found)
    _, member = first_copy(before)
    analysis = decided(("keep", member))
    assert analysis.kept[analysis.row(member)]
    assert analysis.diversity.effective_images == before.diversity.effective_images
    lines = "\n".join(line.text for line in pages.scan_page(analysis))
    assert "stays, since you keep it" in " ".join(lines.split())


def test_to_keep_bytes_does_not_bring_back_their_twin(found: Measured, decided: Decide) -> None:
    before = decide(found)
    twins = [
        (group.keeper, member.row)
        for group in before.groups
        for member in group.members
        if before.catalog.pictures[member.row].digest == before.catalog.pictures[group.keeper].digest
    ]
    for keeper, twin in twins:
        analysis = decided(("keep", path(before, keeper)))
        assert not analysis.kept[twin]
        named = decided(("keep", path(before, keeper), {"path": path(before, twin)}))
        assert named.kept[twin]
    assert twins


def test_a_decided_caption_replaces_the_files_own_and_is_exported(
    found: Measured, decided: Decide, tmp_path: Path
) -> None:
    keeper, _ = first_copy(decide(found))
    analysis = decided(("caption", keeper, {"text": "a new caption"}))
    picture = analysis.catalog.pictures[analysis.row(keeper)]
    assert (picture.caption, picture.caption_path, picture.caption_problem) == ("a new caption", None, None)
    draft = output.draft(output.export_of(analysis, output.Settings()), tmp_path / "out")
    written = {placed.item.picture.path: placed.caption.text for _, placed in draft.pictures()}
    assert written[keeper] == "a new caption"


def test_an_empty_caption_is_a_missing_one(found: Measured, decided: Decide) -> None:
    keeper, _ = first_copy(decide(found))
    analysis = decided(("caption", keeper, {"text": " "}))
    assert analysis.catalog.pictures[analysis.row(keeper)].caption_problem == "empty"
    assert keeper in (inputs.plan_inputs(analysis, PlanSettings(target_steps=100)).concerned.uncaptioned)  # type: ignore[union-attr]


def test_a_view_that_was_set_by_hand_is_certain_and_the_rest_stays_as_measured(
    found: Measured, decided: Decide
) -> None:
    before = decide(found)
    keeper, _ = first_copy(before)
    view = decided(("view", keeper, {"view": View(yaw_deg=-90.0)})).views[before.row(keeper)]
    measured_view = before.views[before.row(keeper)]
    assert (view.yaw_deg, view.confidence, view.sources[0]) == (-90.0, 1.0, "user")
    assert (view.framing, view.pitch_deg) == (measured_view.framing, measured_view.pitch_deg)
    whole = decided(("view", keeper, {"view": View(yaw_deg=0.0, framing="close_up")})).views[before.row(keeper)]
    assert (whole.framing, whole.framing_confidence, whole.sources[0]) == ("close_up", 1.0, "user")


def test_views_that_nobody_wanted_stay_unmeasured(found: Measured) -> None:
    off = replace(found, settings=replace(found.settings, views="off"))
    decisions = Decisions.of([Decision(kind="view", digest=found.catalog.pictures[0].digest, view=View(yaw_deg=0.0))])
    assert decide(off, decisions).views == ()


def test_the_export_says_who_left_a_picture_out(found: Measured, decided: Decide, tmp_path: Path) -> None:
    keeper, member = first_copy(decide(found))
    analysis = decided(("leave_out", keeper))
    draft = output.draft(output.export_of(analysis, output.Settings()), tmp_path / "out")
    left = {one.path: one for one in draft.left_out}
    assert (left[keeper].cause, left[keeper].reason, left[keeper].evidence) == ("decided", "left out by you", None)
    assert left[member].cause == "copy"
    assert left[member].reason.startswith(f"copy of {keeper}, which you left out")
    assert keeper not in {placed.item.picture.path for _, placed in draft.pictures()}


def test_a_look_alike_that_is_left_out_is_decided_rather_than_proved(
    alike: tuple[Measured, str, str], tmp_path: Path
) -> None:
    near, _, other = alike
    analysis = decide(near, by(near, "leave_out", other))
    draft = output.draft(output.export_of(analysis, output.Settings()), tmp_path / "out")
    assert next(one for one in draft.left_out if one.path == other).cause == "decided"


def test_without_look_alikes_what_is_kept_stays_and_the_next_stands_in_for_a_left_out_keeper(
    alike: tuple[Measured, str, str],
) -> None:
    near, keeper, other = alike
    row = decide(near).row(other)
    assert not pipeline.without_lookalikes(decide(near)).kept[row]
    assert pipeline.without_lookalikes(decide(near, by(near, "keep", other))).kept[row]
    assert pipeline.without_lookalikes(decide(near, by(near, "leave_out", keeper))).kept[row]


def test_json_and_page_tell_what_was_decided(found: Measured, decided: Decide) -> None:
    keeper, _ = first_copy(decide(found))
    analysis = decided(("leave_out", keeper), ("caption", keeper, {"text": "x"}))
    values = json.loads(pages.as_json(analysis))
    assert values["decisions"] == 2
    assert next(one for one in values["pictures"] if one["path"] == keeper)["decided"] == ["leave_out", "caption"]
    text = "\n".join(line.text for line in pages.scan_page(analysis))
    assert "2 decisions of yours are honoured" in text
    assert "LEFT OUT BY YOU: 1 picture" in text
    assert f"{keeper}  left out by you, and its copies with it" in text


def test_decisions_on_files_that_are_gone_are_said(found: Measured) -> None:
    analysis = decide(found, Decisions.of([Decision(kind="keep", digest="0" * 64)]))
    assert any("1 decision concerns a file that is not here any more" in note for note in analysis.notes)
    assert analysis.decisions == 0


def test_what_was_known_before_changes_the_time_and_not_the_answer(found: Measured, decided: Decide) -> None:
    keeper, member = first_copy(decide(found))
    digests = {one.path: one.digest for one in found.catalog.pictures}
    again = Deciding(found)
    made: list[Decision] = []
    for decision in (
        Decision(kind="keep", digest=digests[member]),
        Decision(kind="leave_out", digest=digests[keeper]),
        Decision(kind="keeper", digest=digests[member]),
        Decision(kind="caption", digest=digests[keeper], text="from behind"),
        Decision(kind="view", digest=digests[member], view=View(yaw_deg=90.0)),
        Decision(kind="not_a_copy", digest=digests[keeper], other=digests[member]),
    ):
        made.append(decision)
        assert pages.as_json(again(Decisions.of(made))) == pages.as_json(decide(found, Decisions.of(made)))
    assert pages.as_json(again(Decisions())) == pages.as_json(decide(found))


def test_in_a_large_set_the_numbers_at_once_are_close_and_the_rest_is_exact(
    found: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curate.diversity import nearby
    from curate.stages import deciding

    monkeypatch.setattr(deciding, "LARGE", 0)
    monkeypatch.setattr(nearby, "NEAR", 8)
    again, made = Deciding(found), []
    again(Decisions())
    for row in np.flatnonzero(decide(found).kept)[:3]:
        made.append(Decision(kind="leave_out", digest=found.catalog.pictures[row].digest))
        quick, exact = again(Decisions.of(made)), decide(found, Decisions.of(made))
        assert quick.diversity.estimated
        assert quick.diversity.effective_images == pytest.approx(exact.diversity.effective_images, rel=0.01)
        assert (quick.kept, quick.groups, quick.views) == (exact.kept, exact.groups, exact.views)
    assert pages.as_json(again.exact(Decisions.of(made))) == pages.as_json(decide(found, Decisions.of(made)))
    assert pages.as_json(again.exact(Decisions())) == pages.as_json(decide(found))


def test_a_scan_honours_the_journal_of_its_folder(
    sample_folder: Path, sample_cache: Path, tmp_path: Path, samples: Analysis
) -> None:
    settings = ScanSettings(model="builtin", offline=True, cache=sample_cache, decisions=tmp_path / "mine")
    keeper, _ = first_copy(samples)
    digest = samples.catalog.pictures[samples.row(keeper)].digest
    journal = open_journal(sample_folder, settings)
    journal.add(Decision(kind="leave_out", digest=digest))
    with journal.file.open("a", encoding="utf-8") as stream:
        stream.write("damaged\n")
    analysis = pipeline.scan(sample_folder, settings)
    assert not analysis.kept[analysis.row(keeper)]
    assert "1 damaged line was passed over" in analysis.notes[-1]
