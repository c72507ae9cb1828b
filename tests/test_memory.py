"""What is held of pixels is bounded by a setting, not by the folder: an address space that thumbnails do not fit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curate.features.thumbnails import LONG_SIDE, Thumbnails
from curate.pictures import Source

COUNT = 256  # pictures, whose thumbnails take 67 MB
ROOM = 40  # MiB that measuring them may take beyond what a few left behind

SCAN = """
import os, resource, sys
from pathlib import Path
import numpy as np
from curate import features, pictures
from curate.settings import ScanSettings

class Means:
    key, name, device, side = "means", "means", "cpu", 4
    def prepare(self, rgb):
        return np.ascontiguousarray(rgb[:: len(rgb) // 4][:4, :4])
    def embed(self, batch):
        rows = batch.mean(axis=(1, 2), dtype=np.float32) + 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

few, many, memory = sys.argv[1:]
settings = ScanSettings(use_cache=False, workers=1, memory_mb=int(memory))

def measured(folder):
    found, seen, small = features.measure(pictures.scan(folder), Means(), features.Store(), settings)
    for row in range(0, len(found.pictures), 8):
        assert small.grey(row).shape == (512, 512)
    return len(found.pictures), len(found.broken), len(seen.embeddings)

measured(few)  # imports, starts children and threads
status = Path("/proc/self/status").read_text()
taken = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmSize:"))
resource.setrlimit(resource.RLIMIT_AS, (taken + (%d << 20), resource.RLIM_INFINITY))
print(*measured(many))
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    few, many = (tmp_path_factory.mktemp("memory") / name for name in ("few", "many"))
    for folder, count in ((few, 12), (many, COUNT)):
        folder.mkdir()
        for number in range(count):
            cells = np.random.default_rng(number).integers(0, 256, (7, 7, 3), dtype=np.uint8)
            picture = Image.fromarray(cells).resize((LONG_SIDE, LONG_SIDE), Image.Resampling.BICUBIC)
            picture.save(folder / f"{number}.jpg", quality=60)
    return few, many


def scanned(drawn: tuple[Path, Path], memory: int) -> subprocess.CompletedProcess[str]:
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"), "1")
    command = [sys.executable, "-c", SCAN % ROOM, *map(str, drawn), str(memory)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **one}, timeout=600, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's address space and tells its size")
def test_measuring_fits_where_the_thumbnails_of_its_pictures_do_not(drawn: tuple[Path, Path]) -> None:
    done = scanned(drawn, 4)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [str(COUNT), "0", str(COUNT)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's address space and tells its size")
def test_without_the_bound_it_does_not_fit(drawn: tuple[Path, Path]) -> None:
    done = scanned(drawn, 4096)
    assert done.returncode != 0 or done.stdout.split() != [str(COUNT), "0", str(COUNT)]


def test_thumbnails_that_do_not_fit_are_read_again_and_are_the_same(tmp_path: Path) -> None:
    from curate.records import Picture

    draws = np.random.default_rng(0)
    for number in range(4):
        Image.fromarray(draws.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    pictures = [Picture(path=f"{number}.png", digest=str(number), size_bytes=1) for number in range(4)]
    held, tight = (Thumbnails(Source(str(tmp_path), ()), (255,) * 3, room) for room in (1 << 20, 64 * 64 * 2))
    held.pictures = tight.pictures = pictures
    for row in (0, 1, 2, 3, 0, 2, 1, 3):
        assert np.array_equal(held.grey(row), tight.grey(row))
    assert tight._grey.taken == sum(tight._grey.get(key).nbytes for key in tight._grey.keys) <= 64 * 64 * 2


def test_the_bound_is_an_option_of_scan_and_for_every_command_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    from curate.cli import options

    def bound(given: float | None = None) -> int:
        return options.scan_settings("auto", "auto", True, None, True, memory=given).memory_mb

    assert bound() == 768
    assert bound(64) == 64
    monkeypatch.setenv("CURATE_MEMORY", "100")
    assert bound() == 100
    assert bound(64) == 64
    monkeypatch.setenv("CURATE_MEMORY", "much")
    with pytest.raises(typer.BadParameter, match="'much' is not a number above 0"):
        bound()
