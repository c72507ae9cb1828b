"""`curate decisions` as a user runs it, on the sample pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from curate.cli import app
from curate.decisions import Decision, Journal, open_journal
from curate.pictures import scan
from curate.records import Picture, View
from curate.settings import ScanSettings


@pytest.fixture
def run(tmp_path: Path):  # type: ignore[no-untyped-def]
    def call(*words: object) -> Result:
        return CliRunner().invoke(app, ["decisions", *map(str, words), "--cache", str(tmp_path / "cache")])

    return call


@pytest.fixture
def pictures(sample_folder: Path) -> tuple[Picture, ...]:
    return scan(sample_folder).pictures


@pytest.fixture
def journal(sample_folder: Path, tmp_path: Path, pictures: tuple[Picture, ...]) -> Journal:
    """A few decisions of every kind on the samples, and one on a file that is not there."""
    journal = open_journal(sample_folder, ScanSettings(cache=tmp_path / "cache"))
    a, b, *_ = pictures
    journal.add(
        Decision(kind="keep", digest=a.digest, path=a.path),
        Decision(kind="leave_out", digest=b.digest),
        Decision(kind="keeper", digest=a.digest),
        Decision(kind="not_a_copy", digest=a.digest, other=b.digest),
        Decision(kind="caption", digest=a.digest, text="line one\nline \x1b[31mtwo " + "word " * 100),
        Decision(kind="view", digest=b.digest, view=View(yaw_deg=-45.0, framing="close_up")),
        Decision(kind="keep", digest="f" * 64),
    )
    return journal


def test_the_list_names_every_decision_in_80_columns(run, journal: Journal, sample_folder: Path, pictures) -> None:  # type: ignore[no-untyped-def]
    done = run(sample_folder)
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())
    for words in (
        "KEPT: 1",
        "LEFT OUT: 1",
        "CAPTIONS",
        "yaw -45°, close up",
        "NOT IN THE FOLDER: 1",
        "keep: ffffffffffff",
    ):
        assert words in text
    apart = text.partition("NOT COPIES OF EACH OTHER")[2]
    assert pictures[0].path in apart
    assert pictures[1].path in apart
    assert "\x1b" not in done.stdout
    assert max(len(line) for line in done.stdout.splitlines() if "Kept in" not in line and "/" not in line) <= 80


@pytest.mark.parametrize("command", ["", "list", "export", "import", "undo", "clear"])
def test_the_help_of_every_command_ends_with_an_example(command: str) -> None:
    done = CliRunner().invoke(app, ["decisions", *command.split(), "--help"])
    assert done.exit_code == 0
    assert "Example: curate decisions" in done.stdout


def test_a_set_without_decisions_says_where_to_make_them(run, sample_folder: Path) -> None:  # type: ignore[no-untyped-def]
    assert "curate review" in run("list", sample_folder).stdout


def test_json_holds_the_same_decisions(run, journal: Journal, sample_folder: Path) -> None:  # type: ignore[no-untyped-def]
    values = json.loads(run(sample_folder, "--json").stdout)
    kinds = ["caption", "keep", "keeper", "leave_out", "not_a_copy", "view"]
    assert sorted(one["kind"] for one in values["decisions"]) == kinds
    assert len(values["not_in_the_folder"]) == 1


def test_decisions_move_with_the_pictures_by_export_and_import(  # type: ignore[no-untyped-def]
    run, journal: Journal, sample_folder: Path, tmp_path: Path, pictures
) -> None:
    moved, file = tmp_path / "moved", tmp_path / "mine.json"
    moved.mkdir()
    for one in pictures[:2]:
        shutil.copy(sample_folder / one.path, moved / f"renamed {Path(one.path).name}")
    assert run("export", file, sample_folder).stdout.startswith("7 decisions written")
    done = run("import", file, moved)
    assert "6 decisions imported" in done.output
    assert "1 decision passed over" in done.output
    there = open_journal(moved, ScanSettings(cache=tmp_path / "cache"))
    here = scan(moved).pictures
    kept = next(one for one in here if one.digest == pictures[0].digest)
    assert there.present.keep_of(kept) is True  # its path has changed
    assert run("export", file, sample_folder).exit_code == 1  # nothing is overwritten


def test_a_foreign_file_is_refused_in_one_line(run, sample_folder: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "mine.json"
    for content in (b"{}", b"\xff\xfe\x00", b"no json"):
        file.write_bytes(content)
        done = run("import", file, sample_folder)
        assert done.exit_code == 1
        assert len(done.stderr.strip().splitlines()) == 1
    assert run("import", tmp_path / "none.json", sample_folder).exit_code == 1


def test_clear_withdraws_everything_and_undo_brings_it_back(run, journal: Journal, sample_folder: Path) -> None:  # type: ignore[no-untyped-def]
    assert run("clear", sample_folder).stdout.startswith("7 decisions cleared")
    journal.refresh()
    assert journal.listing() == ()
    assert run("clear", sample_folder).stdout.strip() == "nothing was decided that could be cleared"
    assert run("undo", sample_folder).stdout.startswith("7 decisions taken back")
    journal.refresh()
    assert len(journal.listing()) == 7


def test_nothing_is_taken_back_where_nothing_was_decided(run, tmp_path: Path, sample_folder: Path) -> None:  # type: ignore[no-untyped-def]
    empty = tmp_path / "other"
    shutil.copytree(sample_folder, empty)
    assert run("undo", empty).stdout.strip() == "nothing was decided that could be taken back"


def test_decisions_on_a_folder_that_is_gone_can_still_be_exported(run, tmp_path: Path, sample_folder: Path) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "set"
    shutil.copytree(sample_folder, folder)
    digest = scan(folder).pictures[0].digest
    open_journal(folder, ScanSettings(cache=tmp_path / "cache")).add(Decision(kind="keep", digest=digest))
    shutil.rmtree(folder)
    assert run("export", tmp_path / "mine.json", folder).stdout.startswith("1 decision written")
