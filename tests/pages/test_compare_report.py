"""Two sets compared as a page: it shows what --json says, and nothing of this machine."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from test_report import HOSTILE, Seen
from typer.testing import CliRunner

from curate import output, pages
from curate.cli import app
from curate.pages import compare_report
from curate.pages.comparison import Side
from curate.records import Analysis

VIEWS = ("front", "back")


def side(name: str, *paths: str, worth: float | None = 3.0, **more: object) -> Side:
    return Side(
        name=name, kind="scan", pictures={f"{path}-digest".ljust(64, "0"): (path,) for path in paths}, left_out={},
        effective_images=worth, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def matrix(front: float, back: float) -> dict[str, dict[str, float]]:
    masses = dict.fromkeys(("close_up", "upper_body", "three_quarter", "full_body"), 0.0)
    return {"front": {**masses, "close_up": front}, "back": {**masses, "full_body": back}}


def page(a: Side, b: Side, **more: object) -> str:
    found = pages.compare(a, b, 1000)
    return compare_report.compare_report(compare_report.ComparisonInputs(found=found, **more))  # type: ignore[arg-type]


def test_the_numbers_are_those_of_the_json() -> None:
    a, b = side("old", "a.jpg", "b.jpg", "c.jpg", worth=2.5), side("new", "b.jpg", "d.jpg", worth=2.0)
    values, seen = json.loads(pages.compare_json(pages.compare(a, b, 1000))), Seen(page(a, b))
    shown = seen.text("change")
    assert "2 pictures left, 1 came, and 1 are the same in both" in shown
    assert f"pictures to train on {values['a']['files']} {values['b']['files']} −1" in shown
    assert "effective images 2.5 2.0 −0.5" in shown
    assert "exposures of each effective image 400.0 500.0 +100.0" in shown
    assert [one["path"] for one in values["left"]] == ["a.jpg", "c.jpg"]
    assert re.findall(r"\w\.jpg", seen.text("left")) == ["a.jpg", "c.jpg"]
    assert re.findall(r"\w\.jpg", seen.text("came")) == ["d.jpg"]


def test_both_matrices_are_shown_with_what_changed() -> None:
    a = side("old", "a.jpg", matrix=matrix(2.0, 1.0), views=(2, 8), coverage="views 2 of 8")
    b = side("new", "a.jpg", matrix=matrix(2.02, 0.0), views=(1, 8), coverage="views 1 of 8")
    shown = Seen(page(a, b)).text("coverage")
    assert "front 2.0 – – –" in shown
    assert "back – – – 1.0" in shown
    assert "back – – – – −1.0" in shown
    assert shown.count("−") == 1  # a change that would be printed as 0.0 is none
    assert "views 2 of 8 1 of 8 −1" not in shown
    assert "views 2 of 8 1 of 8 −1" in Seen(page(a, b)).text("change")


def test_sides_that_were_not_measured_are_said_so() -> None:
    shown = Seen(page(side("old", "a.jpg", worth=None), replace(side("new", "a.jpg"), kind="export")))
    assert "effective images not measured 3.0" in shown.text("change")
    assert "not measured" in shown.text("coverage")
    assert "A manifest holds no views" in shown.text("coverage")


def test_a_set_with_itself_and_with_nothing() -> None:
    same = Seen(page(side("old", "a.jpg"), side("old", "a.jpg")))
    assert "Both hold the same 1 picture. Either is worth 3.0 effective images." in same.text("change")
    assert "No picture of A is missing in B" in same.text("left")
    assert "No picture of B is new" in same.text("came")
    assert "1 picture left, 0 came" in Seen(page(side("old", "a.jpg"), side("none", worth=0.0))).text("change")


def test_nothing_in_names_becomes_markup() -> None:
    ours = Seen(page(side("a", "x.jpg"), side("b", "y.jpg")))
    wrong = Seen(page(side(HOSTILE[0], *HOSTILE), side(HOSTILE[1], *(f"new {name}" for name in HOSTILE))))
    assert {tag for tag, _ in wrong.tags} <= {tag for tag, _ in ours.tags} | {"ul", "li"}
    assert wrong.tags.count(("script", {})) == 1
    assert not any(name.startswith("on") for _, found in wrong.tags for name in found)


def test_whole_paths_are_shown_only_where_they_are_wanted() -> None:
    a = side("/home/somebody/secret sets/old", "a.jpg", folder="/home/somebody/secret sets/old")
    b = side("/home/somebody/out/curate-manifest.json", "b.jpg", folder="/home/somebody/secret sets/old")
    kept = page(a, b)
    for secret in ("/home", "somebody", "secret"):
        assert secret not in kept, secret
    assert "curate compare: old, out" in kept
    assert "/home/somebody/secret sets/old" in page(a, b, with_paths=True)


def test_the_command_writes_the_page_with_pictures_and_prints_the_comparison(
    samples: Analysis, sample_folder: Path, sample_cache: Path, tmp_path: Path
) -> None:
    output.write(output.draft(output.export_of(samples, output.Settings()), tmp_path / "clean"), tmp_path / "clean")
    few = tmp_path / "few"
    few.mkdir()
    for name in ("nora_01.jpg", "nora_02.jpg"):
        (few / name).write_bytes((sample_folder / name).read_bytes())
    out = tmp_path / "compare.html"
    given = ["--model", "builtin", "--offline", "--views", "off", "--cache", str(sample_cache), "-o", str(out)]
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "clean" / "curate-manifest.json"), str(few), *given])
    assert done.exit_code == 0, done.output
    assert "LEFT: in A, not in B" in done.stdout
    assert "written: " in done.stderr
    seen = Seen(out.read_text(encoding="utf-8"))
    kept = sum(samples.kept)
    assert len([1 for tag, _ in seen.tags if tag == "image"]) == kept - 2
    assert "could not be read" not in out.read_text(encoding="utf-8")
    assert str(tmp_path) not in out.read_text(encoding="utf-8")


@pytest.mark.parametrize("inside", ["a", "b"])
def test_the_page_is_never_put_into_a_folder_that_is_compared(
    sample_cache: Path, sample_folder: Path, tmp_path: Path, inside: str
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jpg").write_bytes((sample_folder / "nora_01.jpg").read_bytes())
    out = tmp_path / inside / "compare.html"
    given = ["--model", "builtin", "--offline", "--views", "off", "--cache", str(sample_cache), "-o", str(out)]
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b"), *given])
    assert done.exit_code == 1
    assert "only read" in done.stderr
    assert not out.exists()
