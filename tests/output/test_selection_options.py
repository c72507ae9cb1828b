"""The options for a part of a set, from the command line: what is wrong is one line and exit 1."""

from __future__ import annotations

from pathlib import Path

import pytest
from output_sets import draw
from typer.testing import CliRunner

from curate.cli import app


def run(folder: Path, cache: Path, *options: str) -> tuple[int, str]:
    given = ["export", str(folder.parent / "out"), str(folder), "--dry-run", "--model", "builtin", "--offline"]
    result = CliRunner().invoke(app, [*given, "--views", "off", "--cache", str(cache), *options])
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("options") / "set"
    for number in range(4):
        draw(place / f"p{number}.png", size=(96 + 32 * number, 96), seed=40 * number)
    return place


@pytest.mark.parametrize(
    "options",
    [
        ("--validation", "1.5"),
        ("--validation", "0"),
        ("--validation", "some"),
        ("--validation", "400"),
        ("--limit", "0"),
        ("--limit", "400"),
        ("--weights",),
        ("--weights", "--trainer", "diffusers"),
        ("--weights", "--trainer", "kohya", "--repeats", "4"),
        ("--trainer", "kohya", "--repeats", "0"),
        ("--trainer", "kohya", "--repeats", "2.5"),
        ("--trainer", "onetrainer", "--repeats", "90", "--target-steps", "10"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_1(folder: Path, sample_cache: Path, options: tuple[str, ...]) -> None:
    code, told = run(folder, sample_cache, *options)
    assert code == 1
    assert told.startswith("curate: ")
    assert told.count("\n") == 1
    assert not (folder.parent / "out").exists()
