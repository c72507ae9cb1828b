"""The one pass: everything measured once, the same whatever the threads and the store, and nothing lost."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curate import pictures
from curate.engine import children
from curate.engine.children import end_children
from curate.errors import FolderError, ModelError
from curate.features import ForgivingStore, SqliteStore, Store, checks, measure, processes, thumbnails
from curate.features.shrink import Squash
from curate.settings import ScanSettings

ROOT = Path(__file__).parents[2]


class Corners:
    """A quick embedder, of what is seen in the quarters of the picture. Counts what it is asked."""

    key, name, device, side = "corners 1", "corners", "cpu", 8

    def __init__(self, *, concurrent: bool = False) -> None:
        self.concurrent = concurrent
        self.embedded = 0
        self.most_at_once = self._now = 0
        self._lock = threading.Lock()

    def prepare(self, rgb):
        rows, columns = (np.linspace(0, length - 1, 8).astype(int) for length in rgb.shape[:2])
        return rgb[rows][:, columns]

    def embed(self, batch):
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            self.embedded += len(batch)
        time.sleep(0.002)
        rows = batch.reshape(len(batch), 2, 4, 2, 4, 3).mean(axis=(2, 4), dtype=np.float32).reshape(len(batch), 12) + 1
        with self._lock:
            self._now -= 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def draw(path: Path, seed: int, size=(120, 90)) -> None:
    rng = np.random.default_rng(seed)
    cells = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    cells.resize(size, Image.Resampling.BICUBIC).save(path, quality=90)


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "pictures"
    (made / "reg").mkdir(parents=True)
    for seed in range(20):
        draw(made / f"{seed:02}.jpg", seed)
    draw(made / "reg" / "person.jpg", 99)
    (made / "copy of 03.jpg").write_bytes((made / "03.jpg").read_bytes())
    whole = (made / "00.jpg").read_bytes()
    (made / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    return made


def settings(**given) -> ScanSettings:
    return ScanSettings(**{"workers": 2, "batch_size": 4, **given})


def same(one, other) -> bool:
    return (
        one.facts == other.facts
        and one.checks == other.checks
        and np.array_equal(one.hashes, other.hashes)
        and np.array_equal(one.embeddings, other.embeddings)
    )


def test_each_row_is_what_its_own_picture_gives(folder):
    catalog, features, small = measure(pictures.scan(folder), Corners(), Store(), settings())
    assert len(catalog.pictures) == len(features.facts) == 22
    assert [picture.path for picture in catalog.pictures if picture.role == "regularisation"] == ["reg/person.jpg"]
    embedder = Corners()
    for row, picture in enumerate(catalog.pictures):
        decoded = pictures.decode((folder / picture.path).read_bytes())
        assert features.facts[row] == decoded.facts
        assert dict(features.checks[row]) == checks.measure(decoded.rgb)
        assert np.array_equal(features.embeddings[row], embedder.embed(embedder.prepare(decoded.rgb)[None])[0])
        assert small.grey(row).shape == (90, 120)


def test_a_broken_picture_is_listed_with_its_reason_and_stops_nothing(folder):
    catalog, features, _ = measure(pictures.scan(folder), Corners(), Store(), settings())
    assert [(one.path, "truncated" in one.reason) for one in catalog.broken] == [("cut.jpg", True)]
    assert len(features.facts) == 22


def test_a_folder_of_broken_pictures_only_gives_no_rows(folder):
    for path in folder.rglob("*.jpg"):
        path.write_bytes(path.read_bytes()[:400])
    catalog, features, _ = measure(pictures.scan(folder), Corners(), Store(), settings())
    assert (catalog.pictures, len(catalog.broken), features.facts) == ((), 23, ())


def test_equal_bytes_are_measured_once(folder):
    embedder = Corners()
    catalog, features, _ = measure(pictures.scan(folder), embedder, Store(), settings())
    rows = [row for row, picture in enumerate(catalog.pictures) if "03" in picture.path]
    assert len(rows) == 2
    assert np.array_equal(*features.embeddings[rows])
    assert embedder.embedded == 21


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize(("workers", "batch_size"), [(1, 1), (1, 32), (3, 5), (8, 2)])
def test_threads_and_batches_change_nothing(folder, concurrent, workers, batch_size):
    catalog = pictures.scan(folder)
    _, expected, _ = measure(catalog, Corners(), Store(), settings())
    embedder = Corners(concurrent=concurrent)
    _, features, _ = measure(catalog, embedder, Store(), settings(workers=workers, batch_size=batch_size))
    assert same(features, expected)
    assert concurrent or embedder.most_at_once == 1


def test_a_second_scan_measures_only_what_is_new_however_files_were_renamed(folder, tmp_path):
    store = SqliteStore.open(tmp_path / "cache")
    _, first, _ = measure(pictures.scan(folder), Corners(), store, settings())
    (folder / "03.jpg").rename(folder / "99.jpg")
    draw(folder / "new.jpg", 500)
    embedder, told = Corners(), []
    measure(pictures.scan(folder), embedder, store, settings(), progress=lambda done, total: told.append((done, total)))
    assert embedder.embedded == 1
    assert told[-1] == (2, 2)  # the broken one is looked at again
    (folder / "new.jpg").unlink()
    (folder / "99.jpg").rename(folder / "03.jpg")
    _, again, _ = measure(pictures.scan(folder), embedder, store, settings())
    assert same(again, first)
    assert embedder.embedded == 1
    store.close()


@pytest.mark.parametrize("change", ["key", "background", "check"])
def test_another_model_background_or_set_of_checks_is_measured_anew(folder, tmp_path, change, monkeypatch):
    store, embedder, changed = SqliteStore.open(tmp_path / "cache"), Corners(), settings()
    measure(pictures.scan(folder), Corners(), store, settings())
    if change == "key":
        embedder.key = "corners 2"
    elif change == "background":
        changed = settings(background=(0, 0, 0))
    else:
        monkeypatch.setattr(checks, "CHECKS", checks.CHECKS[1:])
    measure(pictures.scan(folder), embedder, store, changed)
    assert embedder.embedded == 21
    store.close()


def test_an_interrupted_scan_goes_on_where_it_ended(folder, tmp_path):
    class Stopping(Corners):
        def embed(self, batch):
            if self.embedded >= 8:
                raise KeyboardInterrupt
            return super().embed(batch)

    store, catalog = SqliteStore.open(tmp_path / "cache"), pictures.scan(folder)
    with pytest.raises(KeyboardInterrupt):
        measure(catalog, Stopping(), store, settings(workers=1))
    embedder = Corners()
    _, features, _ = measure(catalog, embedder, store, settings())
    assert embedder.embedded == 21 - 8
    assert same(features, measure(catalog, Corners(), Store(), settings())[1])
    store.close()


def test_a_cache_that_fails_under_way_loses_no_answer(folder, tmp_path):
    class Failing(Corners):
        def embed(self, batch):
            if self.embedded == 8:
                with store._inner._lock:  # closed while another thread writes, SQLite crashes
                    store._inner._connection.close()
            return super().embed(batch)

    store, catalog = ForgivingStore(tmp_path / "cache"), pictures.scan(folder)
    _, features, _ = measure(catalog, Failing(), store, settings(workers=1))
    assert same(features, measure(catalog, Corners(), Store(), settings())[1])
    assert len(store.problems) == 1


def test_a_stored_value_that_was_damaged_is_measured_again(folder, tmp_path):
    store, catalog = SqliteStore.open(tmp_path / "cache"), pictures.scan(folder)
    _, first, _ = measure(catalog, Corners(), store, settings())
    part = measuring_part(catalog)
    store.put({part: {catalog.pictures[0].digest: b"\xff\x00"}})
    embedder = Corners()
    _, again, _ = measure(catalog, embedder, store, settings())
    assert embedder.embedded == 1
    assert same(again, first)
    store.close()


def measuring_part(catalog) -> str:
    from curate.features.measure import Kept

    return Kept(settings().background, Corners(), None)._seen


def test_a_file_that_changes_between_reading_and_measuring_is_listed_and_never_stored_under_its_old_digest(
    folder, tmp_path
):
    store, catalog = SqliteStore.open(tmp_path / "cache"), pictures.scan(folder)
    (folder / "05.jpg").write_bytes((folder / "06.jpg").read_bytes())
    (folder / "07.jpg").unlink()
    found, features, _ = measure(catalog, Corners(), store, settings())
    reasons = {one.path: one.reason for one in found.broken}
    assert "changed" in reasons["05.jpg"]
    assert "vanished" in reasons["07.jpg"]
    assert len(features.facts) == 20
    digest = next(picture.digest for picture in catalog.pictures if picture.path == "05.jpg")
    assert store.get(measuring_part(catalog), [digest]) == {}
    store.close()


def test_an_embedder_that_breaks_the_protocol_ends_the_scan_with_its_name(folder):
    class Wrong(Corners):
        def embed(self, batch):
            return super().embed(batch) * 2

    with pytest.raises(ModelError, match="corners"):
        measure(pictures.scan(folder), Wrong(concurrent=True), Store(), settings())


def test_thumbnails_are_the_same_from_memory_and_read_again(folder):
    draw(folder / "large.png", 7, size=(1500, 900))
    catalog = pictures.scan(folder)
    found, _, held = measure(catalog, Corners(), Store(), settings())
    _, _, read = measure(catalog, Corners(), Store(), settings(memory_mb=0))
    assert not read._grey.keys
    for row in range(len(found.pictures)):
        assert np.array_equal(held.grey(row), read.grey(row))
        assert max(held.grey(row).shape) <= thumbnails.LONG_SIDE
        assert held.rgb(row).shape == (*held.grey(row).shape, 3)
    assert "large.png" in {picture.path for picture in found.pictures}


def test_thumbnails_keep_to_their_memory_and_drop_the_least_lately_used(folder):
    found, _, small = measure(pictures.scan(folder), Corners(), Store(), settings())
    few = thumbnails.Thumbnails(pictures.Source(folder), (255, 255, 255), 3 * small.grey(0).nbytes)
    few.pictures = found.pictures
    for row in (4, 5, 6, 4, 7):
        assert np.array_equal(few.grey(row), small.grey(row))
    assert list(few._grey.keys) == [found.pictures[row].digest for row in (6, 4, 7)]


def test_a_thumbnail_of_a_file_that_is_gone_is_an_error_with_its_name(folder):
    _, _, small = measure(pictures.scan(folder), Corners(), Store(), settings(memory_mb=0))
    (folder / "00.jpg").unlink()
    with pytest.raises(FolderError, match=r"00\.jpg"):
        small.grey(0)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.parametrize("concurrent", [False, True])
def test_ctrl_c_ends_at_once_with_what_was_measured_stored(folder, tmp_path, concurrent):
    code = f"""
import signal, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from curate import pictures
from curate.features import SqliteStore, measure
from test_measure import Corners, settings
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
class Slow(Corners):
    def embed(self, batch):
        time.sleep(0.4)
        return super().embed(batch)
store = SqliteStore.open(Path({str(tmp_path / "cache")!r}))
try:
    measure(pictures.scan(Path({str(folder)!r})), Slow(concurrent={concurrent}), store, settings(batch_size=1),
            progress=lambda done, total: print(done, flush=True))
except KeyboardInterrupt:
    store.close()
    sys.exit(130)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        assert process.wait(timeout=30) == 130
        assert time.monotonic() - start < 3.0  # of the 8 s that remained
    store = SqliteStore.open(tmp_path / "cache")
    assert store.has("embedding corners 1")
    store.close()


def test_what_is_measured_of_a_transparent_picture_depends_on_the_background(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    glass = np.zeros((40, 40, 4), np.uint8)
    glass[10:20, 10:30] = (200, 30, 30, 255)
    Image.fromarray(glass).save(folder / "glass.png")
    catalog = pictures.scan(folder)
    rows = [
        measure(catalog, Corners(), Store(), settings(background=(level,) * 3))[1].embeddings[0] for level in (0, 255)
    ]
    assert not np.array_equal(*rows)
    assert hashlib.sha256((folder / "glass.png").read_bytes()).hexdigest() == catalog.pictures[0].digest


class Sendable(Corners):
    """One whose pictures are decoded in child processes."""

    def prepare(self, rgb):
        return self.preparer(rgb)

    @staticmethod
    def preparer(rgb):
        return Squash(8)(rgb)


@pytest.mark.parametrize("workers", [1, 3])
def test_child_processes_give_what_threads_of_this_process_give(folder, workers):
    engine = processes(settings(workers=workers))
    engine.here = True
    catalog = pictures.scan(folder)
    _, expected, held = measure(catalog, Sendable(), Store(), settings(workers=workers), engine=engine)
    found, features, small = measure(catalog, Sendable(), Store(), settings(workers=workers))
    assert same(features, expected)
    assert [(one.path, "truncated" in one.reason) for one in found.broken] == [("cut.jpg", True)]
    assert all(np.array_equal(small.grey(row), held.grey(row)) for row in range(len(found.pictures)))


def test_a_damaged_picture_makes_no_noise_where_no_child_can_be_had(folder, capfd):
    path = next(path for path in sorted(folder.glob("*.jpg")) if path.name != "cut.jpg")
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 0xFF
    path.write_bytes(data)
    engine = processes(settings())
    engine.here = True
    measure(pictures.scan(folder), Sendable(), Store(), settings(), engine=engine)
    assert capfd.readouterr() == ("", "")


class HarmfulSource(pictures.Source):
    """Does what a decoder may do to its process with a hostile file, here by a word in the picture's path."""

    def read(self, path):
        assert sys.argv[0] == "-c", "it was read in this process"  # as children are started
        if "crash" in path:
            os.abort()
        if "hang" in path:
            time.sleep(60)
        return super().read(path)


def test_a_picture_whose_decoder_ends_the_process_or_hangs_is_listed_and_all_others_are_measured(folder, monkeypatch):
    for name, seed in (("crash", 301), ("hang", 302)):
        draw(folder / f"{name}.jpg", seed)
    monkeypatch.setattr(sys.modules[measure.__module__], "Source", lambda folder, outside: HarmfulSource(folder))
    engine = processes(settings(most_seconds=3.0))
    found, features, _ = measure(pictures.scan(folder), Sendable(), Store(), settings(), engine=engine)
    assert engine.problem == ""
    reasons = {one.path: one.reason for one in found.broken}
    assert reasons.keys() == {"crash.jpg", "hang.jpg", "cut.jpg"}
    assert "its decoder crashed" in reasons["crash.jpg"]
    assert "took more than 3 s" in reasons["hang.jpg"]
    assert len(features.facts) == 22


def test_where_everything_is_known_no_child_is_started(folder, tmp_path):
    store, catalog = SqliteStore.open(tmp_path / "cache"), pictures.scan(folder)
    measure(catalog, Sendable(), store, settings())
    (folder / "cut.jpg").unlink()
    end_children()
    measure(pictures.scan(folder), Sendable(), store, settings())
    assert not children._all
    store.close()
