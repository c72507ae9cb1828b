"""The same pictures give the same analysis wherever they lie, and every command takes an address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stores import BUCKET, fill, pack

import curate
from curate.pages import as_json


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> curate.ScanSettings:
    return curate.ScanSettings(
        model="builtin", offline=True, views="off", cache=tmp_path_factory.mktemp("places"), memory_mb=1
    )  # so that alignment reads pictures again


def told(analysis: curate.Analysis) -> dict[str, object]:
    values = json.loads(as_json(analysis))
    del values["folder"]
    return values


@pytest.mark.parametrize("kind", ["memory", "s3", "archive", "table"])
def test_the_analysis_is_that_of_the_folder(
    kind: str, samples, sample_folder: Path, settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = ""
    if kind == "memory":
        fill(request.getfixturevalue("memory"), "/samples", sample_folder)
        place = "memory://samples"
    elif kind == "s3":
        fill(request.getfixturevalue("s3"), f"{BUCKET}/samples", sample_folder)
        place = f"s3://{BUCKET}/samples"
    elif kind == "archive":
        place = str(pack(tmp_path / "samples.tar", sample_folder))
    else:
        pa = pytest.importorskip("pyarrow")
        import pyarrow.parquet as pq

        place = str(tmp_path / "samples.parquet")
        files = [str(file) for file in sorted(sample_folder.iterdir()) if file.is_file()]
        pq.write_table(pa.table({"path": files}), place)
    from dataclasses import replace

    own = replace(settings, cache=tmp_path / "cache")
    analysis = curate.scan(place, own)
    assert analysis.catalog.folder == place
    assert told(analysis) == told(samples)
    assert told(curate.scan(place, own)) == told(samples)  # from the cache


def test_a_copy_that_lies_in_a_store_is_found_in_a_pool(sample_folder: Path, settings, memory, tmp_path: Path) -> None:
    from curate import pool

    fill(memory, "/pool", sample_folder)
    (tmp_path / "set").mkdir()
    for name in ("nora_01.jpg", "nora_02.jpg", "nora_03.jpg"):
        (tmp_path / "set" / name).write_bytes((sample_folder / name).read_bytes())
    found = pool.fill("memory://pool", tmp_path / "set", 3, settings)
    refused = {one.path: one.reason for one in found.refused}
    assert refused["nora_01.jpg"] == "copy of nora_01.jpg in the set"
    assert pool.copy_to(found, tmp_path / "more") == 3
    for pick in found.picks:
        assert (tmp_path / "more" / found.path(pick)).read_bytes() == memory.cat_file(f"/pool/{found.path(pick)}")
    with pytest.raises(curate.CurateError, match="copies go to a folder of this machine"):
        pool.check_copy_to("memory://more", "memory://pool", tmp_path / "set")
    with pytest.raises(curate.CurateError, match="The pool is the set itself"):
        pool.fill("memory://pool/", "memory://pool", 3, settings)


def test_decisions_on_a_set_in_a_store_are_kept_and_honoured(sample_folder: Path, settings, memory) -> None:
    from curate.stages import decided

    fill(memory, "/set", sample_folder)
    first = curate.scan("memory://set", settings)
    picture = first.catalog.pictures[0]
    journal = curate.open_journal("memory://set/", settings)
    journal.add(curate.Decision(kind="leave_out", digest=picture.digest, path=picture.path))
    assert not curate.scan("memory://set", settings).kept[0]
    _, listed = decided.listed("memory://set", settings)
    assert listed.folder == "memory://set"
    assert [one.digest for one in listed.decisions] == [picture.digest]
    assert curate.open_journal("memory://other", settings).present != journal.present


@pytest.fixture
def run(s3, sample_folder: Path, settings):  # type: ignore[no-untyped-def]
    """The command, in this process, beside a bucket of the samples."""
    from typer.testing import CliRunner

    from curate.cli import app

    fill(s3, f"{BUCKET}/cli", sample_folder)

    def call(command: str, *arguments: object):  # type: ignore[no-untyped-def]
        options = ("--model", "builtin", "--offline", "--views", "off", "--cache", settings.cache)
        return CliRunner().invoke(app, [command, *map(str, (*arguments, *options))])

    return call


def test_the_commands_take_an_address(run, s3, tmp_path: Path, samples) -> None:
    place = f"s3://{BUCKET}/cli"
    scanned = run("scan", place, "--json")
    assert scanned.exit_code == 0, scanned.stderr
    values = json.loads(scanned.stdout)
    assert values["folder"] == place
    assert len(values["pictures"]) == len(samples.catalog.pictures)
    for arguments in (
        ("recommend", place, "--target-steps", "500"),
        ("report", place, "-o", tmp_path / "report.html"),
        ("gaps", place),
        ("export", f"s3://{BUCKET}/cli-out", "--trainer", "kohya", "--name", "sks", "--class", "man"),
        ("export", tmp_path / "list", place, "--list"),
        ("compare", place, tmp_path / "list" / "curate-manifest.json", "-o", tmp_path / "compare.html"),
    ):
        done = run(*arguments)
        assert done.exit_code == 0, (arguments, done.stderr)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("data:image/webp") > 10
    assert s3.exists(f"{BUCKET}/cli-out/curate-manifest.json")
    assert [file.name for file in (tmp_path / "list").iterdir()] == ["curate-manifest.json"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("scan", "s3://absent-bucket/x"), "nothing lies there"),
        (("scan", "s3://KEY:hush@bucket/x"), "holds a password or a key"),
        (("scan", "nostore://x"), "no store is known by nostore://"),
        (("export", "s3://KEY:hush@bucket/x", f"s3://{BUCKET}/cli"), "holds a password or a key"),
        (("export", "s3://absent-bucket/x", f"s3://{BUCKET}/cli"), "no such bucket"),
        (("export", f"s3://{BUCKET}/cli/in", f"s3://{BUCKET}/cli"), "lies in, or holds"),
        (("fill", f"s3://{BUCKET}/cli", f"s3://{BUCKET}/cli/"), "The pool is the set itself"),
    ],
)
def test_what_cannot_be_done_is_one_line_without_a_traceback(run, arguments: tuple[str, ...], told: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 1
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hush" not in done.stderr + done.stdout
    assert done.stdout == ""


def test_the_review_shows_pictures_of_a_store(sample_folder: Path, settings, memory) -> None:
    from curate.errors import BrokenPicture
    from curate.pages.review.previews import Previews
    from curate.pictures import Source

    fill(memory, "/set", sample_folder)
    catalog = curate.scan("memory://set", settings).catalog
    first, second = catalog.pictures[:2]
    previews = Previews(Source(catalog.folder), {one.digest: one.path for one in (first, second)})
    assert previews.get("thumb", first.digest).startswith(b"\xff\xd8")
    memory.pipe_file(f"/set/{second.path}", b"\xff\xd8\xff changed")
    with pytest.raises(BrokenPicture, match="changed since it was scanned"):
        previews.get("thumb", second.digest)
    memory.rm_file(f"/set/{second.path}")
    with pytest.raises(OSError, match=second.path):
        previews.get("screen", second.digest)
