"""The report: it shows what --json says, nothing in a file can become markup, and nothing is asked for from outside."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_sets import broken, copy_of, made_up, thumbs
from typer.testing import CliRunner

from curate import pictures, pipeline
from curate.cli import app
from curate.errors import DestinationError
from curate.pages import as_json, report
from curate.pages.as_json import as_object
from curate.pages.report import ReportInputs, Section, Thumbnail
from curate.pages.report.thumbnails import bytes_each, chosen
from curate.plan import as_json as plan_json
from curate.records import Analysis, Group, Member, Region, Shared, Subjects

MOST = 15_000_000  # bytes of a report of 1,000 pictures


class Seen(HTMLParser):
    """What a browser would make of a page: its text by section, its tags and its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.section, self.inside = "", ""
        self.texts: dict[str, list[str]] = {}
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        if tag == "section":
            self.section = found["id"]
        if tag in {"script", "style"}:
            self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if data.strip() and not self.inside:
            self.texts.setdefault(self.section, []).append(data)

    def text(self, section: str) -> str:
        return " ".join(" ".join(self.texts.get(section, ())).split())


def page_of(analysis: Analysis, **changes: object) -> str:
    fields: dict[str, object] = {"analysis": analysis, "thumbnails": thumbs(analysis)}
    return report.report(ReportInputs(**{**fields, **changes}))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sample_page(samples: Analysis, sample_folder: Path) -> str:
    small = report.thumbnails(samples, pictures.Source(sample_folder))
    return report.report(
        ReportInputs(analysis=samples, plan=pipeline.recommend(samples, target_steps=1000), thumbnails=small)
    )


def test_the_verdict_shows_the_five_numbers_of_the_json(samples: Analysis, sample_page: str) -> None:
    scan, plan = as_object(samples), plan_json(pipeline.recommend(samples, target_steps=1000))
    numbers = re.findall(r'<span class="number">([^<]*)</span>', sample_page)
    assert numbers[:3] == [
        str(scan["diversity"]["files"]),
        str(scan["diversity"]["photographs"]),
        f"{scan['diversity']['effective_images']:.1f}",
    ]
    covered = scan["coverage"]
    assert numbers[3] == (f"{covered['views_seen']} of {covered['views_wanted']}" if covered["measured"] else "–")
    assert numbers[4] == f"{plan['exposures']['per_effective_image']:.0f}"
    assert len(numbers) == 5


def test_every_copy_stands_beside_its_keeper_with_the_edit_and_the_match(samples: Analysis, sample_page: str) -> None:
    shown = Seen(sample_page).text("copies")
    groups = [group for group in as_object(samples)["groups"] if group["kind"] != "lookalike"]
    assert groups
    for group in groups:
        assert group["keeper"] in shown
        assert group["reason"] in shown
        for member in group["members"]:
            assert member["path"] in shown
            assert member["edit"] in shown
            if member["correlation"] is not None:
                assert f"match {member['correlation']:.2f}" in shown


def test_every_picture_is_on_the_map_and_embedded_once(samples: Analysis, sample_page: str) -> None:
    seen = Seen(sample_page)
    spots = [found for tag, found in seen.tags if tag == "svg" and found.get("class", "").startswith("spot")]
    assert len(spots) == len(samples.catalog.pictures)
    images = [found["href"] for tag, found in seen.tags if tag == "image"]
    assert len(images) == len(set(images)) == len({picture.digest for picture in samples.catalog.pictures})


def test_findings_broken_and_ignored_files_are_those_of_the_json(samples: Analysis, sample_page: str) -> None:
    shown, scan = Seen(sample_page).text("findings").lower(), as_object(samples)
    for picture in scan["pictures"]:
        for check in picture["checks"].values():
            if picture["kept"] and check["finding"]:
                assert check["finding"].lower() in shown
    assert scan["broken"]
    for file in (*scan["broken"], *scan["ignored"]):
        assert file["path"].lower() in shown
        assert file["reason"].lower() in shown


def test_the_plan_shows_the_buckets_and_the_checkpoints_of_the_json(samples: Analysis, sample_page: str) -> None:
    shown, plan = Seen(sample_page).text("plan"), plan_json(pipeline.recommend(samples, target_steps=1000))
    for bucket in plan["buckets"]:
        assert f"{bucket['width']} × {bucket['height']} {bucket['entries']}" in shown
    first = next(one for one in plan["checkpoints"] if one["look_first"])
    assert f"{first['name']} look first {first['step']:,} {first['per_effective_image']:.0f}" in shown
    assert f"{plan['plan']['samples']:,} samples" in shown


def test_what_the_trainer_does_unasked_is_said_as_the_json_says_it(samples: Analysis, sample_page: str) -> None:
    shown, plan = Seen(sample_page).text("plan"), plan_json(pipeline.recommend(samples, target_steps=1000))
    assert any("caption" in text for text in plan["traps"])
    for text in plan["traps"]:
        assert " ".join(text.rstrip(".").split()) in shown


def test_enlarged_pictures_are_shown_worst_first(samples: Analysis, sample_page: str) -> None:
    shown, plan = Seen(sample_page).text("plan"), plan_json(pipeline.recommend(samples, target_steps=1000))
    scales = sorted((one["scale"] for one in plan["treatments"] if one["scale"] > 1), reverse=True)
    assert re.findall(r"× (\d+\.\d\d)", shown[shown.index("Enlarged") :]) == [f"{scale:.2f}" for scale in scales]


def test_what_may_not_belong_is_marked_without_a_plan_too() -> None:
    names = [f"{n}.jpg" for n in range(7)]
    vectors = np.zeros((7, 16), np.float32)
    vectors[:, 0] = 1.0
    vectors[:6, 1:7] = 0.1 * np.eye(6, dtype=np.float32)
    vectors[6] = np.eye(16, dtype=np.float32)[9]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    analysis = made_up(names)
    analysis = replace(analysis, features=replace(analysis.features, embeddings=vectors))
    seen = Seen(page_of(analysis, no_plan="none was asked for"))
    assert "1 that may not belong" in seen.text("map")
    assert "6.jpg may not belong: it is far from every other picture" in seen.text("map")
    assert [found["class"] for tag, found in seen.tags if tag == "rect" and "ring-odd" in found.get("class", "")]


def test_why_outliers_were_not_looked_for_is_said() -> None:
    few = Seen(page_of(made_up(["a.jpg", "b.jpg", "c.jpg"]))).text("map")
    assert "not looked for, with fewer than 5 photographs" in few
    model = replace(made_up([]).model, calibrated=False)
    blind = Seen(page_of(made_up([f"{n}.jpg" for n in range(6)], model=model))).text("map")
    assert "not looked for, since the model is not calibrated" in blind


def test_sets_without_pictures_and_of_one_are_told_plainly() -> None:
    none = Seen(page_of(made_up([], catalog=replace(made_up([]).catalog, broken=broken("a.jpg", "b.jpg")))))
    assert "No picture can be read; 2 files are broken" in none.text("verdict")
    assert "nothing to place" in none.text("map")
    assert "How to get it" not in none.text("plan") + none.text("coverage")
    one = Seen(page_of(made_up(["a.jpg"])))
    assert "It takes two pictures" in one.text("copies")


def test_where_a_look_alike_differs_is_framed_on_it_and_it_can_be_laid_over_the_first() -> None:
    alike = Group(
        kind="lookalike",
        keeper=0,
        reason="first",
        members=(
            Member(
                row=1,
                kind="lookalike",
                edit="another expression (1.3 % of the picture)",
                similarity=0.99,
                map=(-1.0, 0.0, 1.0, 0.0, 1.0, 0.0),
                changed=Region(left=0.1, top=0.5, right=0.3, bottom=0.75, share=0.05),
            ),
        ),
    )
    page = page_of(made_up(["a.jpg", "b.jpg"], groups=(alike,)))
    frames = [found["points"] for tag, found in Seen(page).tags if tag == "polygon" and found["class"] == "changed"]
    assert frames == ["216.0,160.0 168.0,160.0 168.0,240.0 216.0,240.0"]  # mirrored, px of 240 x 320
    assert "another expression (1.3 % of the picture)" in Seen(page).text("lookalikes")
    assert "Lay over a.jpg" in Seen(page).text("lookalikes")


@given(width=st.integers(24, 640), height=st.integers(24, 640))
def test_the_square_of_a_picture_lies_within_it_and_shows_what_is_high_of_a_tall_one(width: int, height: int) -> None:
    small = Thumbnail(webp=b"", width=width, height=height)
    left, top, side, other = map(float, report.draw("a.jpg", "0" * 64, {"0" * 64: small}).square.split())
    assert side == other == min(width, height)
    assert left >= 0
    assert top >= 0
    assert left + side <= width + 1e-3
    assert top + side <= height + 1e-3
    assert top <= (height - side) / 2


def test_what_the_user_left_out_is_no_copy() -> None:
    names = ["keeper.jpg", "copy.jpg", "stays.jpg", "gone.jpg"]
    group = copy_of(0, 1, 2)
    decided = (("leave_out",), (), ("keep",), ("leave_out",))
    analysis = made_up(names, groups=(group,), kept=(False, False, True, False), decided=decided)
    seen = Seen(page_of(analysis))
    assert "1 copy can be left out; you left out 2 pictures." in seen.text("verdict")
    assert "1 file can be left out. Each" in seen.text("copies")
    assert "Besides, you left out 2 pictures." in seen.text("copies")
    assert "left out by you keeper.jpg" in seen.text("copies")
    assert "stays: you decided so" in seen.text("copies")


def test_commands_are_set_as_code_and_lone_backticks_stay() -> None:
    page = page_of(made_up(["a.jpg"], notes=("run `curate models get`, not `", "a `<b>` is text")))
    assert "<code>curate models get</code>, not `" in page
    assert "<code>&lt;b&gt;</code>" in page


def test_equal_inputs_give_equal_pages(samples: Analysis) -> None:
    assert page_of(samples) == page_of(samples)


def test_nothing_is_asked_for_from_outside(sample_page: str) -> None:
    for tag, found in Seen(sample_page).tags:
        for name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href", "formaction", "ping"):
            assert found.get(name, "#").startswith(("#", "data:")), f"<{tag} {name}={found.get(name, '')[:60]}>"
        assert tag not in {"iframe", "object", "embed", "base", "audio", "video", "form"}
        assert "http-equiv" not in found or found["http-equiv"] == "Content-Security-Policy"
    assert "url(" not in sample_page
    assert "@import" not in sample_page
    policy = next(found["content"] for _, found in Seen(sample_page).tags if "http-equiv" in found)
    assert policy.startswith("default-src 'none'; img-src data:;")


HOSTILE = (
    '<script>alert(1)</script>.jpg',
    '"><img src=x onerror=alert(1)>.jpg',
    "' onload='alert(1).jpg",
    "{{ 7 * 7 }}{% raw %}.jpg",
    "a\u202egpj.exe.jpg",
    "nul\x00bell\x07.jpg",
    "half\udc80.jpg",
    "</style></svg></title>.jpg",
    "&lt;b&gt;.jpg",
)  # fmt: skip


def test_nothing_in_names_and_captions_becomes_markup() -> None:
    clean = made_up([f"{n}.jpg" for n in range(len(HOSTILE))], groups=(copy_of(0, 1, 2),), findings=["x"] * 9)
    hostile = made_up(
        HOSTILE,
        captions=[f"{name} https://evil.example/" for name in HOSTILE],
        groups=(copy_of(0, 1, 2, edit=HOSTILE[0]),),
        findings=HOSTILE,
        catalog=replace(
            made_up(HOSTILE, HOSTILE).catalog, folder="/data/<script>alert(1)</script>", broken=broken(*HOSTILE)
        ),
        notes=HOSTILE,
    )
    wrong = page_of(hostile, no_plan=HOSTILE[1])
    tags = {tag for tag, _ in Seen(wrong).tags}
    names = {name for _, found in Seen(wrong).tags for name in found}
    ours = Seen(page_of(replace(clean, notes=("x",)), no_plan="x"))
    assert tags <= {tag for tag, _ in ours.tags}
    assert names <= {name for _, found in ours.tags for name in found}
    assert Seen(wrong).tags.count(("script", {})) == 1
    assert "49" not in Seen(wrong).text("copies")


def test_invisible_characters_are_shown_as_symbols() -> None:
    page = page_of(made_up(HOSTILE, HOSTILE))
    assert not any(c in page for c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\x07\udc80")
    page.encode("utf-8")
    shown = Seen(page).text("findings")
    assert "a‹U+202E›gpj.exe.jpg" in shown
    assert "nul␀bell␇.jpg" in shown
    assert "half�.jpg" in shown


def test_a_caption_of_three_megabytes_is_cut() -> None:
    page = page_of(made_up(["a.jpg", "b.jpg"], ["word " * 600_000, None]))
    assert len(page) < 200_000
    assert "more characters" in Seen(page).text("findings")


def test_absolute_paths_are_shown_only_where_they_are_wanted() -> None:
    folder = "/home/somebody/secret place/nora"
    told = (
        f"cache {folder}/cache.db: cannot be read",
        "C:\\Users\\somebody\\AppData\\curate is full",
        "/mnt/private/weights.pt was read",
    )
    analysis = made_up(["sub/a.jpg", "b.jpg"], notes=told)
    kept = page_of(analysis)
    for secret in ("/home", "somebody", "secret place", "Users", "AppData", "/mnt", "private/"):
        assert secret not in kept, secret
    assert "sub/a.jpg" in kept
    assert "…/weights.pt was read" in kept
    whole = page_of(analysis, with_paths=True)
    assert folder in whole
    assert "/mnt/private/weights.pt" in whole


def test_what_was_not_measured_is_said_with_how_to_get_it() -> None:
    seen = Seen(page_of(made_up(["a.jpg", "b.jpg"]), no_plan="There are no pictures to train on."))
    assert "not measured" in seen.text("coverage")
    assert "How to get it" in seen.text("coverage")
    assert "There are no pictures to train on" in seen.text("plan")
    assert "No file is a copy" in seen.text("copies")
    assert "near-identical" in seen.text("lookalikes")
    assert seen.text("verdict").count("–") == 2  # views, exposures


def test_a_picture_without_a_thumbnail_is_said_and_drawn_as_a_gap() -> None:
    analysis = made_up(["a.jpg", "b.jpg"], groups=(copy_of(0, 1),))
    page = page_of(analysis, thumbnails={})
    assert 'href="#gone"' in page
    assert "could not be read when this page was made" in page


def test_the_shared_region_is_drawn_on_the_keeper_and_the_copy_is_laid_over_it() -> None:
    page = page_of(made_up(["keeper.jpg", "crop.jpg"], groups=(copy_of(0, 1),)))
    seen = Seen(page)
    corners = {found["points"] for tag, found in seen.tags if tag == "polygon"}
    assert len(corners) == 1
    points = sorted({tuple(map(float, point.split(","))) for point in corners.pop().split()})
    assert points == [(60.0, 80.0), (60.0, 240.0), (180.0, 80.0), (180.0, 240.0)]
    assert "25 % of the keeper" in seen.text("copies")
    laid = [found["transform"] for tag, found in seen.tags if tag == "g" and "matrix" in found.get("transform", "")]
    assert [[float(number) for number in re.findall(r"-?[\d.]+", one)] for one in laid] == [[0.5, 0, 0, 0.5, 60, 80]]


def test_look_alikes_run_from_the_most_to_the_least_alike() -> None:
    group = Group(
        kind="lookalike",
        keeper=0,
        reason="first",
        members=(
            Member(row=1, kind="lookalike", edit="alike", similarity=0.91),
            Member(row=2, kind="lookalike", edit="alike", similarity=0.99),
        ),
    )
    shown = Seen(page_of(made_up(["k.jpg", "far.jpg", "near.jpg"], groups=(group,)))).text("lookalikes")
    assert shown.index("k.jpg") < shown.index("near.jpg") < shown.index("far.jpg")
    assert "3 pictures worth 2.7 effective images" in shown


def test_pictures_that_may_not_belong_are_ringed_on_the_map(samples: Analysis) -> None:
    odd = samples.catalog.pictures[3].path
    plan = replace(pipeline.recommend(samples, target_steps=1000), subjects=Subjects(odd=(odd,)))
    seen = Seen(page_of(samples, plan=plan))
    assert [found["class"] for tag, found in seen.tags if "ring-odd" in found.get("class", "")] == ["ring ring-odd"]
    assert "1 that may not belong" in seen.text("map")
    assert f"{odd} (may not belong)" in seen.text("map")


def test_photographs_on_both_sides_of_a_regularised_set_stand_side_by_side() -> None:
    shared = (Shared(path="a.jpg", regularisation="reg/b.jpg", edit="mirrored", correlation=0.98),)
    shown = Seen(page_of(made_up(["a.jpg", "reg/b.jpg"], shared=shared))).text("copies")
    assert "of the subject a.jpg" in shown
    assert "mirrored reg/b.jpg match 0.98" in shown


def test_a_thousand_pictures_stay_below_fifteen_megabytes() -> None:
    names = [f"{n:04d} {'a rather long name of a picture ' * 2}.jpg" for n in range(1000)]
    captions = ["a photo of sks woman, " + "standing in a garden, " * 30] * 1000
    groups = tuple(copy_of(n, *range(400 + 3 * n, 403 + 3 * n)) for n in range(150))
    analysis = made_up(names, captions, groups, ["blurred: find a sharper one"] * 1000)
    page = page_of(analysis, thumbnails=thumbs(analysis, bytes_each(1000)))
    assert len(page.encode()) < MOST
    assert len(page.encode()) > 1000 * bytes_each(1000)  # the pictures really are in it


def test_very_large_sets_keep_the_thumbnails_that_sections_show() -> None:
    analysis = made_up([f"{n}.jpg" for n in range(4100)], groups=(copy_of(4000, 4001),))
    rows = chosen(analysis)
    assert len(rows) == 4000
    assert rows[:2] == [4000, 4001]
    assert bytes_each(4000) * 4000 < MOST * 3 / 4  # base64 adds a third


def test_sections_of_other_pages_can_join() -> None:
    extra = Section(name="method-too", title="More", template="method.html", data={
        "model": [("a", "b")], "settings": [], "versions": [], "thresholds": []})  # fmt: skip
    page = report.report(ReportInputs(analysis=made_up(["a.jpg"])), (extra,))
    assert '<section id="method-too"' in page


def test_thumbnails_fit_their_bytes_and_tell_nothing_of_the_file(samples: Analysis, sample_folder: Path) -> None:
    small = report.thumbnails(samples, pictures.Source(sample_folder), workers=1)
    assert set(small) == {picture.digest for picture in samples.catalog.pictures}
    for one in small.values():
        assert len(one.webp) <= bytes_each(len(small))
        assert one.webp[:4] == b"RIFF"
        assert b"Exif" not in one.webp
    by_row = {picture.digest: samples.features.facts[row] for row, picture in enumerate(samples.catalog.pictures)}
    for digest, one in small.items():
        facts = by_row[digest]
        assert one.width / one.height == pytest.approx(facts.width / facts.height, rel=0.05)


def test_a_picture_that_vanished_has_no_thumbnail(samples: Analysis, tmp_path: Path) -> None:
    assert report.thumbnails(samples, pictures.Source(tmp_path)) == {}


def test_the_command_writes_one_file_and_says_where(sample_folder: Path, sample_cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    given = ["report", str(sample_folder), "-o", str(out), "--offline", "--model", "builtin"]
    done = CliRunner().invoke(app, [*given, "--cache", str(sample_cache), "--target-steps", "500"])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip().endswith("report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    page = out.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "500 asked for" in Seen(page).text("plan")
    assert str(sample_folder.resolve().parent) not in page


def test_regularisation_pictures_that_lie_elsewhere_are_drawn_too(
    sample_folder: Path, sample_cache: Path, tmp_path: Path
) -> None:
    subject, beside = tmp_path / "set", tmp_path / "class pictures"
    for folder, names in ((subject, ("nora_01.jpg", "nora_02.jpg")), (beside, ("nora_08.jpg",))):
        folder.mkdir()
        for name in names:
            (folder / name).write_bytes((sample_folder / name).read_bytes())
    out, given = tmp_path / "report.html", ["--offline", "--model", "builtin", "--cache", str(sample_cache)]
    given = ["report", str(subject), "-o", str(out), "--regularisation", str(beside), *given]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.stderr
    page = out.read_text(encoding="utf-8")
    assert 'href="#gone"' not in page
    assert [found["id"] for tag, found in Seen(page).tags if tag == "image"] != []
    assert str(tmp_path) not in page
    given[3] = str(beside / "report.html")
    assert CliRunner().invoke(app, given).exit_code == 1


def test_a_page_is_never_put_into_the_folder_that_is_read(tmp_path: Path) -> None:
    inside = tmp_path / "set"
    inside.mkdir()
    with pytest.raises(DestinationError, match="only read"):
        report.save("x", inside / "report.html", inside)
    with pytest.raises(DestinationError, match="is a folder"):
        report.save("x", tmp_path, inside)
    with pytest.raises(DestinationError, match="not there"):
        report.save("x", tmp_path / "none" / "report.html", inside)
    assert not list(inside.iterdir())


def test_the_page_keeps_the_json_s_word_on_what_stays(samples: Analysis, sample_page: str) -> None:
    out = sum(not kept for kept in samples.kept)
    assert f"{out} files can be left out" in Seen(sample_page).text("copies")
    assert as_json(samples).count('"kept": false') >= out
