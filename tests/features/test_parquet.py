"""The store of measured features as Parquet: what many machines fill together."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from stores import BUCKET

from curate.errors import FeaturesError
from curate.features import Divided, SqliteStore, Store, open_store
from curate.features.measure import Kept
from curate.features.memory import MEASURED
from curate.features.parquet import HELD, MARK, ParquetStore
from curate.settings import ScanSettings

pytest.importorskip("pyarrow")

SEEN, ROWS = "picture 1", "embedding a model"


def values(count: int, of: str = "") -> dict[str, bytes]:
    return {f"{at:064x}": f"{of}{at}".encode() for at in range(count)}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "features"


def filled(place: Path | str, count: int = 10) -> ParquetStore:
    store = ParquetStore(place)
    store.put({SEEN: values(count), ROWS: values(count, "row")})
    store.close()
    return store


def files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.parquet"))


def test_what_was_put_is_found_by_another_store(place: Path) -> None:
    filled(place)
    other = ParquetStore(place)
    assert other.get(SEEN, [*values(10), "unknown"]) == values(10)
    assert other.get(ROWS, list(values(3))) == values(3, "row")
    assert other.has(SEEN)
    assert not other.has("picture 2")
    assert other.problems == ()


def test_a_store_on_an_object_store_is_the_same() -> None:
    filled("memory://curate-tests/features")
    other = ParquetStore("memory://curate-tests/features")
    assert other.get(ROWS, list(values(10))) == values(10, "row")
    assert other.identity() == ParquetStore("memory://curate-tests/features").identity()


def test_what_is_not_written_yet_is_found_too(place: Path) -> None:
    store = ParquetStore(place)
    store.put({SEEN: values(2)})
    assert store.get(SEEN, list(values(3))) == values(2)
    assert store.holds([SEEN], list(values(3))) == set(values(2))
    assert not files(place)


def test_a_file_holds_many_pictures(place: Path) -> None:
    store = ParquetStore(place)
    for key, value in values(2 * HELD + 1).items():
        store.put({SEEN: {key: value}, ROWS: {key: b"row"}})
    assert len(files(place)) == 2
    store.close()
    assert len(files(place)) == 3
    assert ParquetStore(place).get(SEEN, list(values(2 * HELD + 1))) == values(2 * HELD + 1)


def test_work_that_is_done_twice_is_written_once(place: Path) -> None:
    filled(place)
    filled(place)
    assert len(files(place)) == 1


def test_a_key_counts_as_held_where_it_has_every_part(place: Path) -> None:
    store = ParquetStore(place)
    store.put({SEEN: values(4), ROWS: values(2)})
    store.close()
    assert store.holds([SEEN], list(values(9))) == set(values(4))
    assert store.holds([SEEN, ROWS], list(values(9))) == set(values(2))
    assert store.holds([SEEN, "another"], list(values(9))) == set()


@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "foreign"])
def test_a_damaged_file_counts_as_absent_and_is_said(place: Path, harm: str) -> None:
    filled(place, 40)
    [file] = files(place)
    whole = file.read_bytes()
    at = whole.index(b"\x28\xb5\x2f\xfd") + 12  # inside the first page that zstandard packed
    harmed = {
        "cut": whole[: len(whole) // 2],
        "changed": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
        "empty": b"",
        "foreign": b"PAR1, or so it says" * 20,
    }
    file.write_bytes(harmed[harm])
    store = ParquetStore(place)
    assert store.get(SEEN, list(values(40))) == {}
    [problem] = store.problems
    assert file.name in problem
    filled(place, 40)  # measured again
    assert ParquetStore(place).get(SEEN, list(values(40))) == values(40)


def test_what_a_killed_worker_left_half_written_is_not_read(place: Path) -> None:
    filled(place, 3)
    [file] = files(place)
    file.rename(f"{file}.0123.part")
    store = ParquetStore(place)
    assert store.get(SEEN, list(values(3))) == {}
    assert store.problems == ()


def test_another_place_than_the_expected_one_is_refused(place: Path, tmp_path: Path) -> None:
    identity = ParquetStore(place).identity()
    assert ParquetStore(place, expected=identity).get(SEEN, ["a"]) == {}
    for other in (tmp_path / "absent", tmp_path / "other"):
        if other.name == "other":
            ParquetStore(other).identity()
        with pytest.raises(FeaturesError, match=r"does not see it\. Give --features"):
            ParquetStore(other, expected=identity).get(SEEN, ["a"])
    assert not (tmp_path / "absent").exists()


def test_a_place_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file", encoding="utf-8")
    for address in (str(tmp_path / "file" / "features"), "nosuchstore://bucket/features"):
        with pytest.raises(FeaturesError) as caught:
            filled(address)
        assert "\n" not in str(caught.value)
        assert address in str(caught.value)


def test_features_go_to_parquet_and_the_rest_to_the_cache(place: Path, tmp_path: Path) -> None:
    settings = ScanSettings(cache=tmp_path / "cache", features=str(place))
    with open_store(settings) as store:
        assert isinstance(store, Divided)
        store.put({SEEN: values(2), "scale": {"model": b"{}"}})
        store.remember_folder("pictures")
        assert store.holds([SEEN], list(values(9))) == set(values(2))
    with closing(SqliteStore.open(tmp_path / "cache")) as cached:
        assert not cached.has(SEEN)
        assert cached.get("scale", ["model"]) == {"model": b"{}"}
        assert cached.last_folder == "pictures"
    with open_store(settings) as store:
        assert store.get(SEEN, list(values(9))) == values(2)


def test_what_the_cache_knows_from_before_counts_too(place: Path, tmp_path: Path) -> None:
    settings = ScanSettings(cache=tmp_path / "cache")
    with open_store(settings) as store:
        store.put({SEEN: values(2)})
    with open_store(ScanSettings(cache=tmp_path / "cache", features=str(place))) as store:
        assert store.get(SEEN, list(values(3))) == values(2)
        assert store.holds([SEEN], list(values(3))) == set(values(2))


@pytest.mark.parametrize("model", ["builtin", "none"])
def test_all_that_is_measured_of_a_picture_belongs_in_parquet(model: str) -> None:
    from curate.features import choose
    from curate.features.views import LateViewer

    embedder, _ = choose(ScanSettings(model=model, offline=True))
    kept = Kept((255, 255, 255), embedder, LateViewer(lambda: None))  # type: ignore[arg-type, return-value]
    assert kept.sightings is not None
    assert all(part.startswith(MEASURED) for part in (*kept.of_all, kept.sightings))


def test_a_store_that_remembers_nothing_holds_nothing() -> None:
    assert Store().holds(["a", "b"], ["1", "2"]) == set()


def test_parquet_says_what_its_columns_are(place: Path) -> None:
    import pyarrow.parquet

    store = filled(place, 3)
    assert store.identity()
    assert (place / MARK).is_file()
    assert pyarrow.parquet.read_table(files(place)[0]).column_names == ["key", ROWS, SEEN]


def test_a_bucket_holds_features_and_an_absent_one_is_one_line(s3: object) -> None:
    filled(f"s3://{BUCKET}/kept/features", 300)
    other = ParquetStore(
        f"s3://{BUCKET}/kept/features", expected=ParquetStore(f"s3://{BUCKET}/kept/features").identity()
    )
    assert other.get(ROWS, list(values(300))) == values(300, "row")
    assert other.holds([SEEN, ROWS], list(values(400))) == set(values(300))
    with pytest.raises(FeaturesError, match=r"s3://absent/features: cannot be used: .*bucket does not exist"):
        filled("s3://absent/features")


def test_where_workers_write_follows_from_the_settings(tmp_path: Path) -> None:
    with open_store(ScanSettings(engine="ray", cache=tmp_path)) as store:
        assert isinstance(store, Divided)
        assert store.features.address == str(tmp_path / "features")
    with open_store(ScanSettings(engine="ray", use_cache=False)) as store:
        assert isinstance(store, Divided)
        place = Path(store.features.address)
        store.features.identity()
        assert (place / MARK).is_file()
    assert not place.exists()
    with open_store(ScanSettings(cache=tmp_path)) as store:
        assert not isinstance(store, Divided)


def test_the_documentation_describes_the_files_as_they_are(place: Path) -> None:
    filled(place)
    text = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
    [file] = files(place)
    assert f"up to {HELD} pictures" in text
    assert f"<{len(file.parent.name)} hex>/<{len(file.stem)} hex>.parquet" in text
    assert MARK in text
    assert all(f"`{prefix}" in text for prefix in MEASURED)
