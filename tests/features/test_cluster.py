"""Measuring ahead on other machines: what travels, what is written, what comes back. The machines are played by an
engine that sends everything through pickle, as a cluster does; Ray itself is in tests/engine."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from curate import features, pictures
from curate.engine import Lost
from curate.errors import CurateError, EngineError, FeaturesError, FolderError, ModelError
from curate.features import Divided, Wanted, cluster, measure_ahead
from curate.features.cluster import FEW
from curate.records import Catalog
from curate.settings import ScanSettings

pytest.importorskip("pyarrow")


@dataclass(frozen=True)
class Sent:
    """An engine whose worker is this process, but gets nothing except by pickle. Pictures of `deadly` names kill it."""

    workers: int = 2
    gpu: bool = False
    cores: int = 1
    most: int = 2
    deadly: frozenset[str] = frozenset()
    batches: list[int] = field(default_factory=list)
    before: Callable[[], None] = lambda: None  # what happens to the pictures meanwhile

    def run(self, task: Any, items: Iterable[Any]) -> Iterator[Any]:
        self.before()
        theirs = pickle.loads(pickle.dumps(task))
        for item in items:
            batch = pickle.loads(pickle.dumps(item))
            self.batches.append(len(batch))
            if any(picture.path in self.deadly for picture in batch):
                yield Lost("its worker died 4 times")
            else:
                yield pickle.loads(pickle.dumps(theirs(batch)))


def draw(folder: Path, count: int = 9) -> Path:
    """Pictures that differ, one of which is a file with a damaged end."""
    folder.mkdir()
    for at in range(count):
        pixels = np.random.default_rng(at).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((160, 120)).save(folder / f"{at}.png")
    whole = (folder / "0.png").read_bytes()
    (folder / "broken.png").write_bytes(whole[: len(whole) // 3])
    shutil.copyfile(folder / "1.png", folder / "same.png")
    return folder


@contextmanager
def asked(folder: Path, cache: Path, engine: Sent, **changes: Any) -> Iterator[Wanted]:
    settings = ScanSettings(
        model="builtin", offline=True, views="off", cache=cache, features=str(cache / "place"), **changes
    )
    with features.open_store(settings) as store:
        catalog = pictures.scan(folder)
        embedder, _ = features.choose(settings, store=store)
        yield Wanted(catalog=catalog, embedder=embedder, store=store, settings=settings, engine=engine)  # type: ignore[arg-type]


def afterwards(wanted: Wanted, found: Catalog) -> tuple[list[int], Any]:
    """How many pictures the head still has to measure, and what it then knows."""
    told: list[int] = []
    catalog, seen, _ = features.measure(
        found, wanted.embedder, wanted.store, wanted.settings, progress=lambda done, total: told.append(total)
    )
    return told, (catalog, seen)


def test_the_head_finds_everything_that_the_workers_measured(tmp_path: Path) -> None:
    folder = draw(tmp_path / "set")
    alone_settings = ScanSettings(model="builtin", offline=True, views="off", cache=tmp_path / "alone")
    with features.open_store(alone_settings) as store:
        embedder, _ = features.choose(alone_settings, store=store)
        catalog, alone, _ = features.measure(pictures.scan(folder), embedder, store, alone_settings)
    with asked(folder, tmp_path / "cache", Sent()) as wanted:
        told: list[tuple[int, int]] = []
        found = measure_ahead(wanted, lambda done, total: told.append((done, total)))
        left, (there, seen) = afterwards(wanted, found)
    assert left == []
    assert told[-1] == (10, 10)  # nine, and the broken one; equal bytes once
    assert there.broken == catalog.broken
    assert [one.path for one in there.broken] == ["broken.png"]
    assert there.pictures == catalog.pictures
    assert seen.facts == alone.facts
    assert seen.checks == alone.checks
    assert (seen.hashes == alone.hashes).all()
    assert (seen.embeddings == alone.embeddings).all()


def test_workers_read_nothing_of_what_others_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    table = cluster._Written._table

    def noted(self: Any, path: str, *rest: Any) -> Any:
        read.append(path)
        return table(self, path, *rest)

    monkeypatch.setattr(cluster._Written, "_table", noted)
    with asked(draw(tmp_path / "set", 20), tmp_path / "cache", engine := Sent(most=5)) as wanted:
        measure_ahead(wanted)
    assert len(engine.batches) > 3
    assert read == []


def test_what_was_written_is_not_measured_again(tmp_path: Path) -> None:
    folder = draw(tmp_path / "set")
    with asked(folder, tmp_path / "cache", Sent()) as wanted:
        measure_ahead(wanted)
    for at in range(FEW):
        Image.new("RGB", (90, 60), (at, 90, 120)).save(folder / f"new {at}.png")
    with asked(folder, tmp_path / "cache", engine := Sent()) as wanted:
        measure_ahead(wanted)
    assert sum(engine.batches) == FEW + 1  # the new ones and the broken one, of which nothing is kept


def test_a_few_pictures_are_left_to_the_head(tmp_path: Path) -> None:
    folder = draw(tmp_path / "set", FEW - 1)
    with asked(folder, tmp_path / "cache", engine := Sent()) as wanted:
        found = measure_ahead(wanted)
        left, _ = afterwards(wanted, found)
    assert engine.batches == []
    assert left[-1] == FEW


def test_a_picture_that_kills_its_workers_is_listed_and_costs_no_other(tmp_path: Path) -> None:
    folder = draw(tmp_path / "set")
    with asked(folder, tmp_path / "cache", Sent(deadly=frozenset({"4.png"}))) as wanted:
        found = measure_ahead(wanted)
        left, _ = afterwards(wanted, found)
    assert left == []
    assert {one.path: one.reason for one in found.broken}["4.png"] == "its worker died 4 times"
    assert len(found.broken) == 2
    assert len(found.pictures) == 9  # 0-8 without 4, and the one of equal bytes


def test_a_picture_that_vanishes_after_listing_is_broken(tmp_path: Path) -> None:
    folder = draw(tmp_path / "set")
    with asked(folder, tmp_path / "cache", Sent(before=(folder / "3.png").unlink)) as wanted:
        found = measure_ahead(wanted)
    assert {one.path: one.reason for one in found.broken}["3.png"] == "vanished while reading"


def test_workers_that_do_not_see_the_folder_are_named(tmp_path: Path) -> None:
    folder = draw(tmp_path / "set")
    moved = tmp_path / "moved"
    with (
        asked(folder, tmp_path / "cache", Sent(before=lambda: folder.rename(moved) and None)) as wanted,
        pytest.raises(FolderError, match=r"does not see it\. Give a place that all machines"),
    ):
        measure_ahead(wanted)


def test_workers_that_write_elsewhere_are_found_out(tmp_path: Path) -> None:
    folder, place = draw(tmp_path / "set"), tmp_path / "cache" / "place"
    with (
        asked(folder, tmp_path / "cache", Sent(before=lambda: shutil.rmtree(place))) as wanted,
        pytest.raises(FeaturesError, match=r"does not see it\. Give --features"),
    ):
        measure_ahead(wanted)


def test_what_is_lost_after_writing_is_measured_again_and_then_an_error(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Losing(Sent):
        def run(self, task: Any, items: Iterable[Any]) -> Iterator[Any]:
            yield from Sent.run(self, task, items)
            for file in sorted((tmp_path / "cache" / "place").rglob("*.parquet")):
                file.unlink()

    folder = draw(tmp_path / "set")
    with asked(folder, tmp_path / "cache", Losing()) as wanted, pytest.raises(FeaturesError, match="9 pictures cannot"):
        measure_ahead(wanted)


def test_a_worker_with_other_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = draw(tmp_path / "set")
    with asked(folder, tmp_path / "cache", Sent()) as wanted:
        wanted.embedder.key  # noqa: B018 - known before the worker's differ
        from curate.features import cluster

        other = replace(wanted.settings, model="none")
        monkeypatch.setattr(cluster, "choose", lambda _: features.choose(other))
        with pytest.raises(ModelError, match="has it otherwise"):
            measure_ahead(wanted)


def test_without_a_place_to_write_nothing_is_begun(tmp_path: Path) -> None:
    folder = draw(tmp_path / "set")
    with asked(folder, tmp_path / "cache", Sent()) as wanted, pytest.raises(EngineError, match="--features ADDRESS"):
        measure_ahead(replace(wanted, store=features.Store()))


def test_an_address_without_ray_is_refused() -> None:
    with (
        pytest.raises(EngineError, match="Add --engine ray"),
        features.connected(ScanSettings(address="head:6379")),
    ):
        pass


def test_errors_travel_as_they_are() -> None:
    for error in (ModelError("m", "is not there", "Fetch it"), FeaturesError("s3://b", "no", "Look")):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert isinstance(again, CurateError)
        assert (str(again), vars(again)) == (str(error), vars(error))


def test_workers_write_where_the_store_reads(tmp_path: Path) -> None:
    with asked(draw(tmp_path / "set"), tmp_path / "cache", Sent()) as wanted:
        measure_ahead(wanted)
        assert isinstance(wanted.store, Divided)
        assert sorted((tmp_path / "cache" / "place").rglob("*.parquet"))
        assert not list((tmp_path / "cache" / "place").rglob("*.part"))
