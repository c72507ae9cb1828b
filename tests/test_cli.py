"""The command as a user runs it, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "numpy", "PIL", "cv2", "faiss", "scipy", "open_clip")


@pytest.fixture
def run(sample_cache: Path):  # type: ignore[no-untyped-def]
    def call(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        env = (
            os.environ | {"PYTHONWARNINGS": "error", "XDG_CACHE_HOME": str(sample_cache), "NO_COLOR": "1"} | environment
        )
        return subprocess.run(
            [sys.executable, "-m", "curate", *map(str, arguments)],
            capture_output=True, text=True, encoding="utf-8", errors="replace", env=env, timeout=300, check=False,
        )  # fmt: skip

    return call


@pytest.fixture
def scanned(samples, run, sample_folder: Path, sample_cache: Path):  # type: ignore[no-untyped-def]
    """Arguments that make a command use what the session's scan has measured."""
    return ("--model", "builtin", "--offline", "--cache", sample_cache)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom curate.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_version_and_help_of_every_command(run) -> None:  # type: ignore[no-untyped-def]
    assert run("--version").stdout.startswith("curate ")
    for command in ("scan", "recommend", "steps", "export"):
        done = run(command, "--help")
        assert done.returncode == 0
        assert "Example: curate" in done.stdout


def test_the_page_is_80_columns_wide_and_has_no_colour_when_piped(run, scanned, sample_folder: Path) -> None:  # type: ignore[no-untyped-def]
    done = run("scan", sample_folder, *scanned)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    for word in ("17 different photographs", "frame of the same burst", "mirrored", "truncated", "blurred"):
        assert word in done.stdout


def test_json_is_one_object_on_stdout(run, scanned, sample_folder: Path) -> None:  # type: ignore[no-untyped-def]
    done = run("scan", sample_folder, "--json", *scanned)
    found = json.loads(done.stdout)
    assert found["diversity"]["photographs"] == 17
    assert done.stdout.isascii()


def test_a_console_that_knows_few_characters_gets_ascii(run, scanned, sample_folder: Path) -> None:  # type: ignore[no-untyped-def]
    for command in (("scan", sample_folder), ("recommend", sample_folder)):
        done = run(*command, *scanned, PYTHONIOENCODING="cp1252")
        assert done.returncode == 0, done.stderr
        done = run(*command, *scanned, PYTHONIOENCODING="ascii")
        assert done.returncode == 0, done.stderr


def test_recommend_meets_the_budget_and_remembers_the_folder(run, scanned, sample_folder: Path) -> None:  # type: ignore[no-untyped-def]
    assert run("scan", sample_folder, *scanned).returncode == 0
    done = run("recommend", "--target-steps", 1000, "--json", *scanned)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert abs(plan["plan"]["steps"] - 1000) <= 20
    assert {"target_steps", "plan", "exposures", "verdict", "range", "alternatives", "remedies", "warnings"} <= set(
        plan
    )
    page = run("recommend", sample_folder, *scanned)
    assert max(map(len, page.stdout.splitlines())) <= 80


def test_export_uses_the_last_plan_and_leaves_the_source_alone(
    run, scanned, sample_folder: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "set"
    shutil.copytree(sample_folder, folder)
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()}
    assert run("recommend", folder, "--target-steps", 700, *scanned).returncode == 0
    wanted = ("export", tmp_path / "clean", folder, "--trainer", "kohya", "--name", "nora", *scanned)
    dry = run(*wanted, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert not (tmp_path / "clean").exists()
    done = run(*wanted)
    assert done.returncode == 0, done.stderr
    assert dry.stdout.splitlines()[:-1] == done.stdout.splitlines()[:-1]
    manifest = json.loads((tmp_path / "clean" / "curate-manifest.json").read_text(encoding="utf-8"))
    assert manifest
    steps = next(line for line in done.stdout.splitlines() if line.startswith("steps: "))
    assert abs(int(steps.split()[1].replace(",", "")) - 700) <= 20
    assert {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scan", "no/such/folder"), "no such folder"),
        (("scan", __file__), "a file, not a folder"),
        (("scan", "{empty}"), "empty"),
        (("scan", "{texts}"), "no picture"),
        (("scan", "{samples}", "--model", "resnet"), "no embedder of that name"),
        (("recommend", "{samples}", "--trainer", "dreambooth"), "no trainer of that name"),
        (("recommend", "{samples}", "--target-steps", "2"), "steps"),
        (("export", "{samples}/inside", "{samples}"), "inside"),
        (("export", "{texts}", "{samples}"), "empty"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_exit_1(  # type: ignore[no-untyped-def]
    run, scanned, sample_folder: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "notes.md").write_text("words", encoding="utf-8")
    places = {"empty": tmp_path / "empty", "texts": tmp_path / "texts", "samples": sample_folder}
    filled = [argument.format(**places) for argument in arguments]
    extra = () if "--model" in filled else scanned
    done = run(*filled, *extra)
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_option_is_exit_2(run) -> None:  # type: ignore[no-untyped-def]
    assert run("scan", ".", "--no-such-option").returncode == 2


def test_a_cache_that_cannot_be_used_costs_no_answer(run, tmp_path: Path, sample_folder: Path) -> None:  # type: ignore[no-untyped-def]
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("nora_01.jpg", "nora_03.jpg", "IMG_2041.jpg"):
        shutil.copy(sample_folder / name, folder)
    done = run("scan", folder, "--model", "builtin", "--offline", "--cache", blocked)
    assert done.returncode == 0, done.stderr
    assert "IMG_2041.jpg" in done.stdout
    assert "cache" in done.stdout
