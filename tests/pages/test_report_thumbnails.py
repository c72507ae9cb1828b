"""The report's small pictures: made once, kept beside the review page's, and never of another file than was scanned."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from curate import pictures
from curate.pages import report
from curate.pages.report.thumbnails import MOST_PICTURES, PICTURES_BYTES, bytes_each
from curate.pages.shelf import GRID
from curate.settings import ScanSettings


class Counting(pictures.Source):
    """A folder that counts what is read of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads: list[str] = []

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        return super().read(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    rng = np.random.default_rng(3)
    for name in ("a.png", "b.png"):
        rough = rng.integers(0, 255, size=(12, 9, 3), dtype=np.uint8)
        (folder / name).write_bytes(pictures.encode(np.kron(rough, np.ones((40, 40, 1), np.uint8)), format="png"))
    return folder


def wanted(folder: Path) -> list[tuple[str, str]]:
    return [(hashlib.sha256(file.read_bytes()).hexdigest(), file.name) for file in sorted(folder.iterdir())]


def made(
    folder: Path, shelf: report.Shelf | None, which: Sequence[tuple[str, str]], besides: int = 0
) -> tuple[dict[str, report.Thumbnail], list[str]]:
    source = Counting(folder)
    return report.drawn_small(which, source, shelf, besides=besides), source.reads


def test_a_second_report_reads_no_picture(folder: Path, tmp_path: Path) -> None:
    shelf, which = report.Shelf(tmp_path / "cache"), wanted(folder)
    first, reads = made(folder, shelf, which)
    assert sorted(reads) == ["a.png", "b.png"]
    again, reads = made(folder, shelf, which)
    assert reads == []
    assert again == first
    assert {(one.width, one.height) for one in first.values()} == {(360, 480)}


def test_thumbnails_stay_where_the_files_have_gone(folder: Path, tmp_path: Path) -> None:
    shelf, which = report.Shelf(tmp_path / "cache"), wanted(folder)
    first, _ = made(folder, shelf, which)
    (folder / "a.png").unlink()
    assert made(folder, shelf, which)[0] == first


def test_a_page_of_many_is_made_of_the_review_page_s_previews(folder: Path, tmp_path: Path) -> None:
    shelf, which = report.Shelf(tmp_path / "cache"), wanted(folder)
    for digest, path in which:
        shelf.put(digest, str(GRID), "jpg", pictures.preview((folder / path).read_bytes(), side=GRID))
    small, reads = made(folder, shelf, which, besides=1000)
    assert reads == []
    assert all(len(one.webp) <= bytes_each(1002) and max(one.width, one.height) <= GRID for one in small.values())
    assert made(folder, shelf, which)[1] != []  # a page of few needs more than a preview shows


def test_a_kept_file_that_is_damaged_is_made_anew(folder: Path, tmp_path: Path) -> None:
    shelf, which = report.Shelf(tmp_path / "cache"), wanted(folder)
    first, _ = made(folder, shelf, which)
    for file in (tmp_path / "cache").rglob("*.webp"):
        file.write_bytes(file.read_bytes()[:-9])
    again, reads = made(folder, shelf, which)
    assert len(reads) == 2
    assert again == first


def test_a_picture_that_changed_since_the_scan_has_no_thumbnail(folder: Path, tmp_path: Path) -> None:
    which = wanted(folder)
    (folder / "a.png").write_bytes((folder / "b.png").read_bytes())
    small, _ = made(folder, report.Shelf(tmp_path / "cache"), which)
    assert list(small) == [which[1][0]]


def test_paths_out_of_the_folder_are_not_read(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "private.png"
    outside.write_bytes((folder / "a.png").read_bytes())
    digest = hashlib.sha256(outside.read_bytes()).hexdigest()
    assert made(folder, None, [(digest, "../private.png"), (digest, str(outside))])[0] == {}


def test_without_a_cache_nothing_is_kept(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    made(folder, report.Shelf.of(ScanSettings(cache=cache, use_cache=False)), wanted(folder))
    assert not cache.exists()
    made(folder, report.Shelf.of(ScanSettings(cache=cache)), wanted(folder))
    assert len(list(cache.rglob("*.webp"))) == 2


def test_a_cache_that_cannot_be_written_costs_time_alone(folder: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("in the way", encoding="utf-8")
    small, _ = made(folder, report.Shelf(blocked), wanted(folder))
    assert len(small) == 2


def test_all_thumbnails_together_keep_to_their_share_of_the_page() -> None:
    for count in (1, 100, 209, 210, 999, 1000, MOST_PICTURES):
        assert bytes_each(count) * count <= PICTURES_BYTES
    assert bytes_each(1000) == bytes_each(950)  # a set that grows a little keeps its thumbnails


def test_the_size_of_a_thumbnail_is_read_from_its_header(folder: Path) -> None:
    small, size = pictures.thumbnail((folder / "a.png").read_bytes(), side=100, most_bytes=9000)
    assert pictures.thumbnail_size(small) == size == (75, 100)
    for other in (b"", small[:-1], small + b"x", b"RIFX" + small[4:], (folder / "a.png").read_bytes()):
        assert pictures.thumbnail_size(other) is None
