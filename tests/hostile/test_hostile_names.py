"""Names and captions of any bytes come out right wherever they are shown or written, and act nowhere."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any

import corpus
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from curate.cli import app
from curate.output import LAYOUTS

TRAINERS = tuple(LAYOUTS)
WORDS = ('no"ra', "it's", "{a: b}", "# x", "\\n", "\u202egnp", "$(id)", "<b>", "%s", "a, b")
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures, all different, with the names and captions of the corpus."""
    folder = tmp_path_factory.mktemp("wild") / "se\"t 'of' {x: y} #1"
    folder.mkdir()
    captions = [data for name, data in corpus._texts() if name.endswith(b".txt")]
    for at, (path, _) in enumerate(corpus._names()):
        name = os.fsdecode(path.removeprefix(b"names/"))
        pixels = np.random.default_rng(at).integers(0, 255, (5, 5, 3), np.uint8)
        try:
            Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC).save(folder / name, "PNG")
            (folder / name).with_suffix(".txt").write_bytes(captions[at % len(captions)])
        except (OSError, ValueError):  # a name that this file system cannot hold
            (folder / name).unlink(missing_ok=True) if "\0" not in name else None
    subset = folder / "10_no\"ra 'x' {y}"
    subset.mkdir()
    Image.effect_noise((64, 64), 90).save(subset / "p.png")
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def other(wild: Path) -> Path:
    """A pool whose pictures bear the same names and show something else."""
    pool = wild.parent / "po\x1bol"
    if not pool.exists():
        pool.mkdir()
        for at, path in enumerate(sorted(wild.glob("*.png"))):
            Image.fromarray(np.random.default_rng(900 + at).integers(0, 255, (48, 48, 3), np.uint8)).save(
                pool / path.name
            )
    return pool


def run(cache: Path, *arguments: object, model: str = "none") -> Result:
    more = (
        ("--model", model, "--offline", "--cache", cache, *(("--views", "off") if model == "builtin" else ()))
        if model
        else ()
    )
    result = CliRunner().invoke(
        app, [os.fspath(one) if isinstance(one, Path) else str(one) for one in (*arguments, *more)]
    )
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_the_terminal_is_sent_no_byte_that_acts(wild: Path, cache: Path) -> None:
    for arguments in (
        ("scan", wild, "--all"),
        ("recommend", wild),
        ("compare", wild, wild, "--all"),
        ("fill", other(wild), wild),
    ):
        result = run(cache, *arguments, model="builtin" if arguments[0] == "fill" else "none")
        for text in (result.stdout, result.stderr):
            assert not FORBIDDEN.search(text), FORBIDDEN.search(text)


def test_json_holds_every_name_as_the_disk_has_it(wild: Path, cache: Path) -> None:
    result = run(cache, "scan", wild, "--json")
    raw = result.stdout_bytes
    raw.decode("ascii")
    whole = json.loads(raw)
    told = {os.fsencode(one["path"]) for one in (*whole["pictures"], *whole["ignored"])}
    told = {path for path in told if not path.endswith(b".txt")}
    there = {os.fsencode(path) for path in corpus.files(wild) if not path.endswith(".txt")}
    assert told == there
    for arguments in (
        ("compare", wild, wild, "--json"),
        ("fill", other(wild), wild, "--json"),
        ("recommend", wild, "--json"),
    ):
        model = "builtin" if arguments[0] == "fill" else "none"
        json.loads(run(cache, *arguments, model=model).stdout_bytes)


def test_the_report_shows_them_and_runs_nothing(wild: Path, cache: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    run(cache, "report", wild, "--out", page)
    text = page.read_text(encoding="utf-8")
    found = Seen()
    found.feed(text)
    assert not found.bad
    assert "alert(1)" not in "".join(found.scripts)
    assert "\x1b" not in text
    assert "\0" not in text


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[object] = []
        self.scripts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script"
        self.bad += [(tag, name) for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")]
        self.bad += [(tag, value) for name, value in attrs if name == "src" and not (value or "").startswith("data:")]

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts.append(data)


def values(parsed: Any) -> Iterator[Any]:
    if isinstance(parsed, dict):
        for key, value in parsed.items():
            yield key
            yield from values(value)
    elif isinstance(parsed, list):
        for value in parsed:
            yield from values(value)
    else:
        yield parsed


def parsed(folder: Path) -> Iterator[Any]:
    """Every configuration of an export, by parsers that are not ours."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".toml":
            yield import_module("tomllib" if sys.version_info >= (3, 11) else "tomli").loads(path.read_text("utf-8"))
        elif path.suffix == ".yaml":
            yield import_module("yaml").safe_load(path.read_text("utf-8"))
        elif path.suffix == ".json":
            yield json.loads(path.read_bytes())


@pytest.mark.parametrize("trainer", TRAINERS)
def test_configurations_hold_names_and_words_as_given(wild: Path, cache: Path, tmp_path: Path, trainer: str) -> None:
    out, train = tmp_path / 'ou"t {z: 1} #', '/data/it\'s "x" #1\\y'
    given = ("--trigger", WORDS[0], "--class", WORDS[1], "--name", 'na"me {a: b}', "--train-path", train)
    run(cache, "export", out, wild, "--trainer", trainer, *given)
    manifest = json.loads((out / "curate-manifest.json").read_bytes())
    assert {os.fsencode(one["path"]) for one in manifest["pictures"]} | {
        os.fsencode(one["path"]) for one in manifest["left_out"]
    } >= {os.fsencode(path) for path in corpus.files(wild) if not path.endswith(".txt")}
    whole = [value for one in parsed(out) for value in values(one) if isinstance(value, str)]
    if trainer not in ("folder", "diffusers"):
        assert any(value.startswith(manifest["root"]) for value in whole)
    for path in corpus.files(out):
        path.encode("utf-8")
        assert not FORBIDDEN.search(path)
        assert not set('<>:"|?*\\') & set(path)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_reaches_captions_and_configurations_unchanged(cache: Path, tmp_path: Path, word: str) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    Image.effect_noise((64, 64), 90).save(folder / "a.png")
    run(cache, "export", tmp_path / "out", folder, "--trainer", "ai-toolkit", "--trigger", word, "--class", word)
    shown = "".join(letter for letter in word if letter.isprintable())
    caption = next((tmp_path / "out").rglob("a.txt")).read_text("utf-8").strip()
    assert caption.replace(" ", "").startswith(shown.replace(" ", "")) or caption.startswith(word)
    list(parsed(tmp_path / "out"))


def test_the_export_can_be_repeated_from_its_manifest(wild: Path, cache: Path, tmp_path: Path) -> None:
    run(cache, "export", tmp_path / "one", wild, "--trainer", "kohya", "--trigger", "nora")
    run(cache, "export", tmp_path / "two", wild, "--like", tmp_path / "one", model="")
    pictures = [p.name for p in (tmp_path / "two").rglob("*.png")]
    assert sorted(pictures) == sorted(p.name for p in (tmp_path / "one").rglob("*.png"))
    run(cache, "verify", tmp_path / "two", model="")


def test_a_caption_of_megabytes_is_told_and_left(tmp_path: Path, cache: Path) -> None:
    Image.effect_noise((64, 64), 90).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_bytes(b"nora, " * 500_000)
    told = json.loads(run(cache, "scan", tmp_path, "--json").stdout_bytes)
    assert [one["path"] for one in told["ignored"]] == ["a.txt"]
    assert "too large" in told["ignored"][0]["reason"]
