"""Hostile pictures cost a line in a list, not the scan: bombs, damage, wrong names, pipes, devices, links."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import corpus
import pytest

import curate
from curate.errors import BrokenPicture
from curate.pictures.pixels import decode


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, corpus.Account]:
    scratch = tmp_path_factory.mktemp("hostile")
    return scratch, corpus.scanned(scratch, share=0.35)


def test_every_file_is_in_exactly_one_place(account: tuple[Path, corpus.Account]) -> None:
    _, found = account
    assert not found.lost
    assert not found.twice
    assert found.files > 100
    assert min(found.places.values()) > 0
    assert sum(found.places.values()) >= found.files  # a folder that is left out whole is named too


def test_nothing_is_changed_or_added(tmp_path: Path) -> None:
    def state() -> dict[str, tuple[int, str]]:
        return {
            path: (os.lstat(whole).st_mtime_ns, hashlib.sha256(whole.read_bytes()).hexdigest())
            for path in corpus.files(tmp_path / "set")
            if (whole := tmp_path / "set" / path).is_file()
        }

    (tmp_path / "set").mkdir()
    corpus.write(tmp_path / "set", 0.1)
    before = state()
    curate.scan(tmp_path / "set", curate.ScanSettings(model="none", views="off", cache=tmp_path / "cache"))
    assert state() == before


def test_decoders_say_nothing_of_their_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """C libraries like to write to the error stream, past everything that Python could hold back."""
    corpus.write(tmp_path, 0.3)
    said: list[str] = []
    for path in sorted(tmp_path.rglob("*.*")):
        if path.is_file() and path.parent.name in ("truncated", "flipped", "misnamed", "bombs"):
            try:
                decode(path.read_bytes(), most_pixels=10_000_000)
            except BrokenPicture as error:
                said.append(error.reason)
    assert said
    assert all(reason.isprintable() for reason in said)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["loop", "up", "itself", "out"])
def test_links_in_circles_and_out_of_the_folder_are_told_and_not_followed(
    account: tuple[Path, corpus.Account], name: str
) -> None:
    scratch, _ = account
    if not (scratch / "hostile" / "special" / name).is_symlink():
        pytest.skip("this system makes no links")
    settings = curate.ScanSettings(model="none", views="off", cache=scratch / "cache")
    found = curate.scan(scratch / "hostile", settings).catalog
    left = {one.path for one in (*found.broken, *found.ignored)}
    assert f"special/{name}" in left
    assert not any(one.path.startswith(f"special/{name}/") for one in found.pictures)


def test_the_limit_on_pixels_is_a_setting_and_the_cache_does_not_get_round_it(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "set").mkdir()
    for name, size in (("large", (300, 300)), ("small", (100, 100))):
        Image.effect_noise(size, 80).save(tmp_path / "set" / f"{name}.png")

    def scanned(most: int) -> tuple[list[str], list[str]]:
        settings = curate.ScanSettings(model="none", views="off", cache=tmp_path / "cache", most_pixels=most)
        found = curate.scan(tmp_path / "set", settings).catalog
        return [one.path for one in found.pictures], [one.path for one in found.broken]

    assert scanned(50_000) == (["small.png"], ["large.png"])
    assert scanned(100_000) == (["large.png", "small.png"], [])
    assert scanned(50_000) == (["small.png"], ["large.png"])


@pytest.mark.parametrize(("name", "reason"), [("head.png", "bomb"), ("whole.png", "bomb"), ("head.gif", "bomb")])
def test_a_bomb_is_refused_by_its_head(tmp_path: Path, name: str, reason: str) -> None:
    data = dict(corpus._bombs())[f"bombs/{name}".encode()]
    with pytest.raises(BrokenPicture, match=reason):
        decode(data)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the system does not tell its peak of memory")  # noqa: PTH110
def test_no_bomb_takes_much_memory(tmp_path: Path) -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, data in corpus._bombs():
        try:
            decode(data, most_pixels=curate.ScanSettings().most_pixels)
        except BrokenPicture:
            continue
        assert not name.startswith((b"bombs/head", b"bombs/whole", b"bombs/canvas", b"bombs/strips")), name
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 700  # MiB: the corpus itself holds bombs of 200 MiB while it is made


def test_limits_are_options_and_read_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from PIL import Image
    from typer.testing import CliRunner

    from curate.cli import app

    (tmp_path / "set").mkdir()
    for name, side in (("large", 300), ("small", 100)):
        Image.effect_noise((side, side), 80).save(tmp_path / "set" / f"{name}.png")
    usual = ["scan", str(tmp_path / "set"), "--model", "none", "--no-cache", "--json"]

    def broken(*more: str) -> list[str]:
        result = CliRunner().invoke(app, [*usual, *more])
        assert result.exit_code == 0, result.output
        return [one["path"] for one in json.loads(result.stdout)["broken"]]

    assert broken() == []
    assert broken("--most-megapixels", "0.05") == ["large.png"]
    monkeypatch.setenv("CURATE_MOST_MEGAPIXELS", "0.05")
    assert broken() == ["large.png"]
    assert broken("--most-megapixels", "1") == []
    for wrong in ("0", "-1", "nan", "x", "1e9"):
        monkeypatch.setenv("CURATE_MOST_MEGAPIXELS", wrong)
        assert CliRunner().invoke(app, usual).exit_code == 2
