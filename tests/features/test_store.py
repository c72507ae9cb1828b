"""What is remembered between runs, and what becomes of a cache that fails."""

import multiprocessing
import os
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from curate.errors import CacheError
from curate.features import ForgivingStore, SqliteStore, Store, open_store
from curate.features.store import FILE
from curate.settings import ScanSettings

KEYS = [f"{number:064x}" for number in range(1_200)]


def reopened(folder: Path) -> SqliteStore:
    return SqliteStore.open(folder)


def test_what_was_put_is_there_after_closing_and_other_parts_and_keys_are_not(tmp_path):
    store = SqliteStore.open(tmp_path)
    store.put({"a": {key: key.encode() for key in KEYS}, "b": {"x": b"1"}})
    store.close()
    store = reopened(tmp_path)
    assert store.get("a", [*KEYS, "absent"]) == {key: key.encode() for key in KEYS}
    assert store.get("b", KEYS) == {}
    assert store.get("c", KEYS) == {}
    assert (store.has("a"), store.has("b"), store.has("c")) == (True, True, False)
    store.put({"a": {KEYS[0]: b"new"}})
    assert store.get("a", KEYS[:1]) == {KEYS[0]: b"new"}
    store.close()


def test_a_batch_that_cannot_be_written_whole_is_not_written_at_all(tmp_path):
    store = SqliteStore.open(tmp_path)
    refusing = "BEFORE INSERT ON kept WHEN NEW.key = CAST('bad' AS BLOB) BEGIN SELECT RAISE(ABORT, 'no space'); END"
    other = sqlite3.connect(tmp_path / FILE)
    other.execute(f"CREATE TRIGGER refusing {refusing}")
    other.close()
    with pytest.raises(CacheError, match="no space"):
        store.put({"good": {"x": b"1"}, "other": {"bad": b"1"}})
    assert not store.has("good")
    store.put({"good": {"x": b"2"}})
    assert store.get("good", ["x"]) == {"x": b"2"}
    store.close()


def test_a_value_that_the_disk_has_changed_is_not_known_any_more(tmp_path):
    store = SqliteStore.open(tmp_path)
    store.put({"part": {name: name.encode() * 9 for name in ("changed", "moved", "emptied", "text", "sound")}})
    store.close()
    other = sqlite3.connect(tmp_path / FILE)
    for name, change in (
        ("changed", "value = substr(value, 1, 12) || x'00' || substr(value, 14)"),
        ("moved", "key = CAST('elsewhere' AS BLOB)"),
        ("emptied", "value = x''"),
        ("text", "value = 'words'"),
    ):
        assert other.execute(f"UPDATE kept SET {change} WHERE key = CAST(? AS BLOB)", (name,)).rowcount == 1
    other.commit()
    other.close()
    store = reopened(tmp_path)
    names = ["changed", "moved", "elsewhere", "emptied", "text", "sound"]
    assert store.get("part", names) == {"sound": b"sound" * 9}
    store.close()


def test_verdicts_scales_plans_and_the_last_folder_come_back(tmp_path):
    store = SqliteStore.open(tmp_path)
    store.put_verdicts({("a1", "b1"): "copy", ("a1", "c1"): "different"}, "method 1")
    store.put_scale("model", "{}")
    store.remember_folder("/pictures/\udcff of Zoë")
    store.remember_plan("/pictures", '{"steps": 1000}')
    store.close()
    store = reopened(tmp_path)
    assert store.get_verdicts([("a1", "b1"), ("b1", "a1")], "method 1") == {("a1", "b1"): "copy"}
    assert store.get_verdicts([("a1", "b1")], "method 2") == {}
    assert (store.get_scale("model"), store.get_scale("other")) == ("{}", None)
    assert store.last_folder == "/pictures/\udcff of Zoë"
    assert (store.get_plan("/pictures"), store.get_plan("/other")) == ('{"steps": 1000}', None)
    store.close()


def test_the_digest_of_an_unchanged_file_is_known_and_that_of_a_changed_one_is_not(tmp_path):
    store, file = SqliteStore.open(tmp_path / "cache"), tmp_path / "picture.jpg"
    file.write_bytes(b"one")
    store.remember(file, file.stat(), KEYS[7])
    store.close()
    store = reopened(tmp_path / "cache")
    assert store.known(file, file.stat()) == KEYS[7]
    assert store.known(tmp_path / "other.jpg", file.stat()) is None
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1_000_000))
    assert store.known(file, file.stat()) is None
    store.close()


def test_the_features_of_a_thousand_pictures_load_in_a_moment(tmp_path):
    store = SqliteStore.open(tmp_path)
    values = {key: bytes(5_120) for key in KEYS[:1_000]}
    store.put({"embedding": values, "picture": {key: bytes(1_500) for key in values}})
    start = time.process_time()
    assert len(store.get("embedding", KEYS)) == len(store.get("picture", KEYS)) == 1_000
    assert time.process_time() - start < 1.0  # s: ten milliseconds, on a machine that is not a hundred times slower
    store.close()


def _put_many(folder: str, name: str) -> None:
    store = SqliteStore.open(Path(folder))
    for number in range(50):
        store.put({name: {str(number): b"x"}, "both": {f"{name} {number}": b"x"}})
    store.close()


def test_two_processes_write_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_put_many, args=(str(tmp_path), name)) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    store = reopened(tmp_path)
    both = [f"{name} {number}" for name in ("one", "two") for number in range(50)]
    assert len(store.get("both", both)) == 100
    store.close()


def test_a_file_that_is_no_database_is_left_alone_and_named(tmp_path):
    (tmp_path / FILE).write_bytes(b"my diary" * 500)
    with pytest.raises(CacheError, match="not a cache of curate"):
        SqliteStore.open(tmp_path)
    assert (tmp_path / FILE).read_bytes().startswith(b"my diary")


def _damage(folder: Path) -> None:
    store = SqliteStore.open(folder)
    store.put({"a": {key: bytes(500) for key in KEYS}})
    store.close()
    with (folder / FILE).open("r+b") as file:
        file.seek(100)  # behind the header
        file.write(b"\xff" * ((folder / FILE).stat().st_size - 100))


def test_our_own_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path):
    _damage(tmp_path)
    store = SqliteStore.open(tmp_path)
    assert store.get("a", KEYS) == {}
    store.put({"a": {"x": b"1"}})
    store.close()
    assert (tmp_path / FILE).with_suffix(".damaged").exists()


def test_damage_that_shows_late_is_told_once_and_the_next_run_begins_anew(tmp_path):
    store = SqliteStore.open(tmp_path)
    store.put({"a": {key: os.urandom(3_000) for key in KEYS}})
    store.close()
    half = (tmp_path / FILE).stat().st_size // 2
    with (tmp_path / FILE).open("r+b") as file:
        file.seek(half)
        file.write(b"\xff" * half)
    store = SqliteStore.open(tmp_path)
    with pytest.raises(CacheError, match="damaged"):
        store.get("a", KEYS)
    store = reopened(tmp_path)
    assert store.get("a", KEYS) == {}
    store.close()


def test_a_locked_file_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr("curate.features.store.PATIENCE", 0.05)
    store = SqliteStore.open(tmp_path)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CacheError, match="locked"):
        store.put({"a": {"x": b"1"}})
    other.execute("ROLLBACK")
    other.close()
    store.put({"a": {"x": b"1"}})
    store.close()


def test_a_cache_below_a_file_is_an_error_that_names_the_place(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(CacheError, match="file"):
        SqliteStore.open(tmp_path / "file" / "cache")


def test_a_full_disk_is_an_error_and_what_was_stored_stays(tmp_path):
    store = SqliteStore.open(tmp_path)
    store.put({"a": {"x": b"1"}})
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(CacheError, match="full"):
        store.put({"a": {key: bytes(5_000) for key in KEYS}})
    assert store.get("a", ["x"]) == {"x": b"1"}
    store.close()


def test_a_scan_outlives_a_cache_that_cannot_be_opened_and_is_told_once(tmp_path):
    (tmp_path / FILE).write_bytes(b"my diary" * 500)
    with open_store(ScanSettings(cache=tmp_path)) as store:
        store.put({"a": {"x": b"1"}})
        assert store.get("a", ["x"]) == {}
        assert store.last_folder is None
        assert len(store.problems) == 1
        assert str(tmp_path) in store.problems[0]


def test_a_scan_outlives_a_cache_that_fails_under_way(tmp_path):
    store = ForgivingStore(tmp_path)
    store.put({"a": {"x": b"1"}})
    assert store.get("a", ["x"]) == {"x": b"1"}
    assert store.problems == ()
    store._inner._connection.close()
    store.put({"a": {"y": b"1"}})
    assert store.get("a", ["x"]) == {}
    assert len(store.problems) == 1
    store.close()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CacheError):
            SqliteStore.open(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_no_cache_remembers_nothing_and_touches_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_store(ScanSettings(use_cache=False, cache=tmp_path / "cache")) as store:
        assert type(store) is Store
        store.put({"a": {"x": b"1"}})
        store.remember_folder("x")
        assert (store.get("a", ["x"]), store.last_folder, store.problems) == ({}, None, ())
    assert list(tmp_path.iterdir()) == []


def test_what_a_store_gives_bit_by_bit_is_kept_where_it_fails_midway(tmp_path, monkeypatch):
    names = [f"{at:04}" for at in range(1200)]
    store = ForgivingStore(tmp_path)
    store.put({"part": {name: name.encode() for name in names}})
    guard, asked = SqliteStore._guard, []

    def failing(self, action):
        asked.append(action)
        if len(asked) == 3:
            raise CacheError(self.path, "went away")
        return guard(self, action)

    monkeypatch.setattr(SqliteStore, "_guard", failing)
    found = dict(store.each("part", names))
    assert list(found) == names[:1000]
    assert store.problems == (str(store.failure),)
    assert "went away" in store.problems[0]
    assert dict(store.each("part", names)) == {}
    store.close()


def test_a_key_that_the_disk_has_changed_is_not_known_any_more(tmp_path):
    """SQLite may find the row all the same, and then gives another key than was asked for, or makes text of it."""
    values = {f"/pictures/{number:02}.webp": b"of a file" * 9 for number in range(60)}
    store = SqliteStore.open(tmp_path)
    store.put({"file": values, "other": dict.fromkeys(values, b"of another part")})
    store.close()
    whole, changed = (tmp_path / FILE).read_bytes(), b"/pictures/30.webp"
    places = [at for at in range(len(whole)) if whole.startswith(changed, at)]
    assert len(places) == 4  # two parts, in the table and in its index
    lost = 0
    for at in (place + part for place in places for part in (-2, *range(0, len(changed), 3))):
        (tmp_path / FILE).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        store = reopened(tmp_path)
        try:
            found = store.get("file", list(values))
        except CacheError:  # SQLite has seen it
            found = {}
        store.close()
        assert found.items() <= values.items()
        lost += changed.decode() not in found
    assert lost
